// Score a model, or its out-of-fold predictions, on a recipe's tables.
process EVALUATE {
    tag "${meta.id}"
    label 'predict'

    input:
    tuple val(meta), path(model), path(recipe), path(data, stageAs: 'data/*')

    output:
    tuple val(meta), path("${meta.id}.scores.json"), emit: scores
    tuple val(meta), path("${meta.id}.plots"), emit: plots, optional: true
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-evaluate --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    def what = model.name.endsWith('.onnx') ? '--model' : '--folds'
    def plots = task.ext.plots ? "--plots '${meta.id}.plots'" : ''
    """
    utrlm-evaluate ${args} ${what} ${model} --recipe ${recipe} --data ${data} ${plots} > '${meta.id}.scores.json'
    """

    stub:
    """
    touch '${meta.id}.scores.json'
    """
}
