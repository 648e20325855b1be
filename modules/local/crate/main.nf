// A word of the shell; a name may hold an apostrophe.
def quoted(text) {
    return "'" + text.toString().replace("'", "'\\''") + "'"
}

// Write down what was run on what: the metadata of a Workflow Run RO-Crate, whose folder is that of the results.
process CRATE {
    tag "${meta.id}"
    label 'page'

    input:
    tuple val(meta), path(results), path(inputs, stageAs: 'inputs/?/*')
    path models, stageAs: 'models/*'
    path workflow_file, stageAs: 'pipeline_info/main.nf'
    val parameters
    val software

    output:
    tuple val(meta), path('ro-crate-metadata.json'), path('pipeline_info/main.nf', includeInputs: true), emit: crate
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-crate --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    def own = [models].flatten().collect { model -> "--models ${model}" }.join(' ')
    def given = [inputs].flatten().collect { one -> "--input ${quoted(one)}" }.join(' ')
    def made = [results].flatten().collect { one -> "--result ${quoted(one)}" }.join(' ')
    def told = parameters.collect { one -> "--parameter ${quoted(one)}" } + software.collect { tool -> "--software ${quoted(tool)}" }
    """
    utrlm-crate ${args} ${own} ${given} ${made} ${told.join(' ')} \\
        --workflow ${workflow_file} --output ro-crate-metadata.json
    """

    stub:
    """
    touch ro-crate-metadata.json
    """
}
