// Predict what the variants of a VCF do to 5' UTRs.
process VARIANTS {
    tag "${meta.id}"
    label 'predict'

    input:
    tuple val(meta), path(vcf), path(genome), path(gtf)
    path models, stageAs: 'models/*'

    output:
    tuple val(meta), path("${meta.id}.effects.tsv"), emit: table
    tuple val(meta), path("${meta.id}.utrlm.vcf.gz"), path("${meta.id}.utrlm.vcf.gz.{tbi,csi}"), emit: vcf
    tuple val(meta), path("${meta.id}.counts.tsv"), emit: counts
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-variants --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    def own = (models instanceof List ? models : [models]).collect { model -> "--models ${model}" }.join(' ')
    def device = task.ext.device ?: 'cpu'
    """
    utrlm-variants ${args} ${own} --device ${device} --cpus ${task.cpus} --vcf ${vcf} --genome ${genome} --gtf ${gtf} \\
        --output '${meta.id}.effects.tsv' --output-vcf '${meta.id}.utrlm.vcf.gz' --summary '${meta.id}.counts.tsv'
    """

    stub:
    """
    touch '${meta.id}.effects.tsv' '${meta.id}.utrlm.vcf.gz' '${meta.id}.utrlm.vcf.gz.tbi' '${meta.id}.counts.tsv'
    """
}
