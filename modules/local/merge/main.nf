// Put the shards' tables together in input order; fails unless records in are rows out.
process MERGE {
    tag "${meta.id}"
    label 'merge'

    input:
    tuple val(meta), path(manifests), path(tables, stageAs: 'tables/*')

    output:
    tuple val(meta), path("${meta.id}.tsv"), emit: table
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-merge --version | sed 's/.*version //'"), topic: versions

    script:
    def args = task.ext.args ?: ''
    def names = (manifests instanceof List ? manifests : [manifests]).join(' ')
    """
    utrlm-merge ${args} --output '${meta.id}.tsv' --tables-dir tables ${names}
    """

    stub:
    """
    touch '${meta.id}.tsv'
    """
}
