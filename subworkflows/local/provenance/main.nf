// The crate of a run: digests of what came in and went out, written by a task; the head job reads no sequence.

include { CRATE } from '../../../modules/local/crate/main.nf'

workflow PROVENANCE {
    take:
    results  // files that were made
    inputs   // files that came in
    versions // [process, tool, version] of what made them
    models   // own .onnx files, or []
    decide   // names of the parameters that decide what is made

    main:
    def software = ['Nextflow=' + workflow.nextflow.version.toString(), 'utrlm pipeline=' + workflow.manifest.version]
    CRATE(
        results
            .toSortedList { a, b -> a.name <=> b.name }
            .filter { found -> found }
            .map { found -> [[id: 'crate'], found, inputs] },
        models,
        file("${projectDir}/main.nf"),
        decide.collect { name -> "${name}=${params[name]}".toString() },
        versions.map { _process, tool, version -> "${tool}=${version}".toString() }.unique().toSortedList().map { found -> software + found },
    )
}
