// Design 5' UTRs; what is wished for and the constraints are options of utrlm-design in ext.args.
process DESIGN {
    tag "${meta.id}"
    label 'predict'

    input:
    tuple val(meta), path(fasta)
    path models, stageAs: 'models/*'

    output:
    tuple val(meta), path("${meta.id}.designs.fa"), emit: fasta
    tuple val(meta), path("${meta.id}.designs.tsv"), emit: table
    tuple val(meta), path("${meta.id}.trajectory.tsv"), emit: trajectory
    tuple val(meta), path("${meta.id}.trajectory.svg"), emit: plot, optional: true
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-design --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    def asked = meta.tasks ? "--tasks '${meta.tasks}'" : '' // of this sample: the last one counts
    def own = (models instanceof List ? models : [models]).collect { model -> "--models ${model}" }.join(' ')
    def device = task.ext.device ?: 'cpu'
    def starts = fasta ? "--fasta ${fasta}" : ''
    def plot = task.ext.plots ? "--plot '${meta.id}.trajectory.svg'" : ''
    """
    utrlm-design ${args} ${asked} ${own} --device ${device} --cpus ${task.cpus} ${starts} --output '${meta.id}.designs.fa' \\
        --table '${meta.id}.designs.tsv' --trajectory '${meta.id}.trajectory.tsv' ${plot}
    """

    stub:
    """
    touch '${meta.id}.designs.fa' '${meta.id}.designs.tsv' '${meta.id}.trajectory.tsv'
    """
}
