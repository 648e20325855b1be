// Make one page of what other modules wrote for MultiQC; says so where there is no MultiQC, and goes on.
process MULTIQC {
    tag "${meta.id}"
    label 'page'
    debug true

    input:
    tuple val(meta), path(sections, stageAs: 'sections/*')
    path config

    output:
    tuple val(meta), path('report.html'), emit: report, optional: true

    script:
    def args = task.ext.args ?: ''
    """
    if command -v multiqc > /dev/null; then
        export HOME=\$PWD # no settings of the user's
        multiqc --quiet ${args} --config ${config} --filename report.html --no-data-dir sections
    else
        echo "No report.html: multiqc is not on the PATH of the tasks (docs/usage.md says how to get it); all other results are whole."
    fi
    """

    stub:
    """
    touch report.html
    """
}
