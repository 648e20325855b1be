// Check a FASTA and cut it into shards, balanced by letters, in input order.
process SPLIT {
    tag "${meta.id}"
    label 'split'

    input:
    tuple val(meta), path(fasta)

    output:
    tuple val(meta), path("shards/*.fa"), emit: shards
    tuple val(meta), path("shards/*.manifest.json"), emit: manifest
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-split --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    """
    utrlm-split ${args} --fasta ${fasta} --sample '${meta.id}' --output-dir shards
    """

    stub:
    """
    mkdir shards
    touch 'shards/${meta.id}.00001.fa' 'shards/${meta.id}.manifest.json'
    """
}
