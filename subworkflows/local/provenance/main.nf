// The crate of a run: digests of what came in and went out, written by a task; the head job reads no sequence.

include { CRATE } from '../../../modules/local/crate/main.nf'

workflow PROVENANCE {
    take:
    table    // [meta, tsv] of merge
    results  // files that were made beside it
    inputs   // files that came in
    versions // [process, tool, version] of predict
    models   // own .onnx files, or []

    main:
    def decide = ['tasks', 'select', 'uorf', 'fold', 'ct', 'pseudoknots', 'batch_tokens', 'shard_residues']
    def software = ['Nextflow=' + workflow.nextflow.version.toString(), 'utrlm pipeline=' + workflow.manifest.version]
    CRATE(
        table
            .map { _meta, rows -> [[id: 'crate'], rows] }
            .combine(results.toSortedList { a, b -> a.name <=> b.name }.map { found -> [found] })
            .map { meta, rows, made -> [meta, rows, made, inputs] },
        models,
        file("${projectDir}/main.nf"),
        decide.collect { name -> "${name}=${params[name]}".toString() },
        versions.map { _process, tool, version -> "${tool}=${version}".toString() }.unique().toSortedList().map { found -> software + found },
    )
}
