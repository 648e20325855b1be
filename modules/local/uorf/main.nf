// Find the upstream AUGs of every record of a FASTA: one row each.
process UORF {
    tag "${meta.id}"
    label 'uorf'

    input:
    tuple val(meta), path(fasta)

    output:
    tuple val(meta), path("${meta.id}.uorfs.tsv"), emit: table
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-uorf --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    """
    utrlm-uorf ${args} --fasta ${fasta} --output '${meta.id}.uorfs.tsv'
    """

    stub:
    """
    touch '${meta.id}.uorfs.tsv'
    """
}
