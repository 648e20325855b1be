// Pre-train a backbone on FASTA; a killed task that is tried again continues from checkpoint_dir.
process PRETRAIN {
    tag "${meta.id}"
    label 'train'
    containerOptions { task.ext.mount ? "${task.ext.gpu ?: ''} ${task.ext.mount} '${checkpoint_dir}:${checkpoint_dir}'" : '' } // no input lies there

    input:
    tuple val(meta), path(fastas, stageAs: 'fasta/*'), path(init, stageAs: 'init/*'), path(settings, stageAs: 'settings/*'), val(checkpoint_dir)

    output:
    tuple val(meta), path("${meta.id}.safetensors"), emit: backbone
    tuple val(meta), path("${meta.id}.scores.json"), emit: scores
    tuple val(meta), path("${meta.id}.log.jsonl"), emit: log
    tuple val(meta), path("${meta.id}.{card.md,card.json,curve.png}"), emit: report
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-pretrain --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    def inputs = (fastas instanceof List ? fastas : [fastas]).collect { fasta -> "--fasta ${fasta}" }.join(' ')
    def start = init ? "--init ${init}" : ''
    def more = settings ? "--settings ${settings}" : ''
    """
    utrlm-pretrain ${args} ${inputs} ${start} ${more} --cpus ${task.cpus} --checkpoint-dir '${checkpoint_dir}' \\
        --output '${meta.id}.safetensors' > '${meta.id}.scores.json'
    cp '${checkpoint_dir}/log.jsonl' '${meta.id}.log.jsonl'
    """

    stub:
    """
    touch '${meta.id}.safetensors' '${meta.id}.scores.json' '${meta.id}.log.jsonl'
    touch '${meta.id}.card.md' '${meta.id}.card.json' '${meta.id}.curve.png'
    """
}
