// Summarise a table of predictions, or other results, as files for MultiQC.
process REPORT {
    tag "${meta.id}"
    label 'page'

    input:
    tuple val(meta), path(table), path(speeds, stageAs: 'speeds/*'), path(counts), path(results, stageAs: 'results/*')
    path models, stageAs: 'models/*'
    val software

    output:
    tuple val(meta), path("report/*_mqc*"), emit: sections
    tuple val("${task.process}"), val('utrlm'), eval("utrlm-report --version | sed 's/.*version //'"), emit: versions_utrlm, topic: versions

    script:
    def args = task.ext.args ?: ''
    def own = (models instanceof List ? models : [models]).collect { model -> "--models ${model}" }.join(' ')
    def tools = software.collect { tool -> "--software '${tool}'" }.join(' ')
    def timed = speeds ? '--speeds-dir speeds' : ''
    def transcripts = counts ? "--counts ${counts}" : ''
    def predictions = table ? "--table ${table}" : ''
    def others = [results].flatten().collect { one -> "--result '${one}'" }.join(' ')
    """
    utrlm-report ${args} ${own} ${tools} ${timed} ${transcripts} ${others} \\
        ${predictions} --sample '${meta.sample}' --output-dir report
    """

    stub:
    """
    mkdir report
    touch report/utrlm_general_mqc.json
    """
}
