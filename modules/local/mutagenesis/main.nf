// Predict all single mutants of every record of a FASTA.
process MUTAGENESIS {
    tag "${meta.id}"
    label 'predict'

    input:
    tuple val(meta), path(fasta)
    path models, stageAs: 'models/*'

    output:
    tuple val(meta), path("${meta.id}.mutants.tsv"), emit: table
    tuple val(meta), path("${meta.id}.maps"), emit: plots, optional: true
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-mutagenesis --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    def asked = meta.tasks ? "--tasks '${meta.tasks}'" : '' // of this sample: the last one counts
    def own = (models instanceof List ? models : [models]).collect { model -> "--models ${model}" }.join(' ')
    def device = task.ext.device ?: 'cpu'
    def plots = task.ext.plots ? "--plots '${meta.id}.maps'" : ''
    """
    utrlm-mutagenesis ${args} ${asked} ${own} --device ${device} --cpus ${task.cpus} --fasta ${fasta} \\
        --output '${meta.id}.mutants.tsv' ${plots}
    """

    stub:
    """
    touch '${meta.id}.mutants.tsv'
    """
}
