// Train a model from a recipe and its data folder, or from one table; a killed task that is tried again continues.
process FINETUNE {
    tag "${meta.id}"
    label 'train'
    containerOptions { task.ext.mount ? "${task.ext.gpu ?: ''} ${task.ext.mount} '${checkpoint_dir}:${checkpoint_dir}'" : '' } // no input lies there

    input:
    tuple val(meta), path(recipe), path(data, stageAs: 'data/*'), path(backbone), path(named, stageAs: 'named?/*'), path(settings, stageAs: 'settings/*'), val(checkpoint_dir)

    output:
    tuple val(meta), path("${meta.id}.onnx"), emit: model
    tuple val(meta), path("${meta.id}.card.json"), emit: card
    tuple val(meta), path("${meta.id}.log.jsonl"), emit: log
    tuple val(meta), path("${meta.id}.recipe.toml"), emit: recipe
    tuple val(meta), path("${meta.id}.split.tsv.gz"), emit: split
    tuple val(meta), path("${meta.id}.folds.tsv.gz"), emit: folds, optional: true
    tuple val(meta), path("${meta.id}.{card.md,curve.png}"), emit: report, optional: true
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-finetune --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    def what = recipe ? "--recipe ${recipe} --data ${data}" : "--table ${data} --name '${meta.id}'" // paths come escaped
    def start = backbone ? "--backbone ${backbone}" : ''
    def links = [meta.named ?: [], [named].flatten()].transpose().collect { name, one -> "mkdir -p \"\$(dirname '${name}')\"; ln -s \"\$PWD\"/${one} '${name}'" }
    def more = settings ? "--settings ${settings}" : ''
    def kept = recipe ?: "'${checkpoint_dir}/recipe.toml'"
    """
    ${links.join('\n    ')}
    utrlm-finetune ${what} ${args} ${start} ${more} --cpus ${task.cpus} --checkpoint-dir '${checkpoint_dir}' --output '${meta.id}.onnx'
    [ -e '${meta.id}.card.json' ] || utrlm-models --json --models '${meta.id}.onnx' > '${meta.id}.card.json'
    cat '${checkpoint_dir}/log.jsonl' > '${meta.id}.log.jsonl' || cat '${checkpoint_dir}'/seed*/log.jsonl > '${meta.id}.log.jsonl'
    cp ${kept} '${meta.id}.recipe.toml'
    """

    stub:
    """
    touch '${meta.id}.onnx' '${meta.id}.card.json' '${meta.id}.log.jsonl' '${meta.id}.recipe.toml' '${meta.id}.split.tsv.gz'
    """
}
