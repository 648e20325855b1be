// Cut the spliced 5' UTRs of coding transcripts out of a genome.
process EXTRACT {
    tag "${meta.id}"
    label 'extract'

    input:
    tuple val(meta), path(genome), path(gtf)

    output:
    tuple val(meta), path("${meta.id}.fa"), emit: fasta
    tuple val(meta), path("${meta.id}.bed"), emit: bed
    tuple val(meta), path("${meta.id}.counts.tsv"), emit: counts
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-extract --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    """
    utrlm-extract ${args} --genome ${genome} --gtf ${gtf} \\
        --output '${meta.id}.fa' --bed '${meta.id}.bed' --summary '${meta.id}.counts.tsv'
    """

    stub:
    """
    touch '${meta.id}.fa' '${meta.id}.bed' '${meta.id}.counts.tsv'
    """
}
