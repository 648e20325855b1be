// One page a run, beside its results: what they hold goes to MultiQC while they are being published.

include { REPORT  } from '../../../modules/local/report/main.nf'
include { MULTIQC } from '../../../modules/local/multiqc/main.nf'

workflow PAGE {
    take:
    table    // [meta, tsv] of merge, or [meta, []]
    speeds   // [meta, json] of predict, one a shard
    counts   // [meta, tsv] of extract, or nothing
    results  // files of other processes, or nothing
    versions // [process, tool, version] of what made them
    models   // own .onnx files, or []
    sample   // name of the rows where the table has no column that says it

    main:
    def software = ['Nextflow=' + workflow.nextflow.version.toString(), 'utrlm pipeline=' + workflow.manifest.version]
    REPORT(
        table
            .map { _meta, rows -> [[id: 'report', sample: sample], rows] }
            .combine(speeds.map { pair -> pair[1] }.toSortedList { a, b -> a.name <=> b.name }.map { found -> [found] })
            .combine(counts.map { pair -> [pair[1]] }.ifEmpty([[]]))
            .combine(results.toSortedList { a, b -> a.name <=> b.name }.map { found -> [found] }),
        models,
        versions.map { _process, tool, version -> "${tool}=${version}".toString() }.unique().toSortedList().map { found -> software + found },
    )
    MULTIQC(REPORT.out.sections, file("${projectDir}/assets/multiqc_config.yml"))
}
