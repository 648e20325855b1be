// Put the shards' tables together in input order; fails unless records in are rows out.
process MERGE {
    tag "${meta.id}"
    label 'merge'

    input:
    tuple val(meta), path(manifests), path(tables, stageAs: 'tables/*'), path(structures, stageAs: 'structures/*')

    output:
    tuple val(meta), path("${meta.id}.tsv"), emit: table
    tuple val(meta), path('structures.dbn'), path('pairs.tsv'), emit: structures, optional: true
    tuple val(meta), path('structures.ct'), emit: ct, optional: true
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-merge --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    def shards = structures ? '--structures-dir structures --structures .' : ''
    def names = (manifests instanceof List ? manifests : [manifests]).join(' ')
    """
    utrlm-merge ${args} --output '${meta.id}.tsv' --tables-dir tables ${shards} -- ${names}
    """

    stub:
    """
    touch '${meta.id}.tsv'
    """
}
