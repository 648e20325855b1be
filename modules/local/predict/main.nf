// Predict every record of a FASTA: one row a record.
process PREDICT {
    tag "${fasta.baseName}"
    label 'predict'

    input:
    tuple val(meta), path(fasta)
    path models, stageAs: 'models/*'

    output:
    tuple val(meta), path("*.tsv"), emit: table
    tuple val(meta), path("${fasta.baseName}.structures", type: 'dir'), emit: structures, optional: true
    tuple val(meta), path("${fasta.baseName}.speed.json"), emit: speed
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-predict --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    def asked = meta.tasks ? "--tasks '${meta.tasks}'" : '' // of this sample: the last one counts
    def folding = asked && !meta.tasks.tokenize(',').contains('structure') ? '' : task.ext.folding ?: '' // options of structures
    def own = (models instanceof List ? models : [models]).collect { model -> "--models ${model}" }.join(' ')
    def device = task.ext.device ?: 'cpu'
    """
    utrlm-predict ${args} ${asked} ${folding} ${own} --device ${device} --cpus ${task.cpus} --fasta ${fasta} \\
        --output '${fasta.baseName}.tsv' --structures '${fasta.baseName}.structures' --if-any \\
        --speed '${fasta.baseName}.speed.json'
    """

    stub:
    """
    touch '${fasta.baseName}.tsv' '${fasta.baseName}.speed.json'
    """
}
