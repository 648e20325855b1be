// FASTA of 5' UTRs in, one table of predictions out.

include { SPLIT   } from './modules/local/split/main.nf'
include { PREDICT } from './modules/local/predict/main.nf'
include { MERGE   } from './modules/local/merge/main.nf'

// The files that a parameter names: a path, a glob, or several divided by commas; in a fixed order.
def files_of(name, value) {
    def patterns = value instanceof List ? value : value.toString().tokenize(',')
    if (!patterns) {
        error("--${name} ${value}: no such file")
    }
    return patterns.collectMany { pattern ->
        def found = files(pattern.toString().trim(), checkIfExists: false)
            .findAll { one -> one.isFile() }
            .sort { one -> one.toString() }
        if (!found) {
            error("--${name} ${pattern}: no such file")
        }
        found
    }
}

// Stops at once, in one line, where a parameter cannot be right.
def check_parameters() {
    def known = ['fasta', 'outdir', 'tasks', 'models', 'shard_residues', 'batch_tokens', 'help']
    params.keySet().each { name ->
        if (!(name in known || name.contains('-'))) {
            error("--${name}: no such parameter; there are ${known.collect { one -> '--' + one }.join(', ')}")
        }
    }
    ['shard_residues', 'batch_tokens'].each { name ->
        if (!(params[name].toString() ==~ /[1-9][0-9]{0,8}/)) {
            error("--${name} ${params[name]}: not a whole number above 0")
        }
    }
    def shipped = files("${projectDir}/utrlm/weights/*.onnx").collect { model -> model.baseName }.sort()
    params.tasks.toString().tokenize(',').each { task ->
        if (!(task.trim() in shipped)) {
            error("--tasks ${task}: no shipped model; there are ${shipped.join(', ')}")
        }
    }
    if (!params.fasta) {
        error("give --fasta FILE (or --help)")
    }
}

// Name of a sample: the file's name without FASTA endings.
def sample_of(fasta) {
    return fasta.name.replaceFirst(/(?i)\.gz$/, '').replaceFirst(/(?i)\.(fa|fasta|fna|ffn|fas)$/, '').replaceAll(/[^\w.-]/, '_')
}

def help_text() {
    return """\
    nextflow run main.nf --fasta utrs.fa.gz [options]

      --fasta           FASTA of 5' UTRs, plain or gz: a path, a glob in quotes, or several divided by commas
      --outdir          where results go                              [${params.outdir}]
      --tasks           shipped models, divided by commas             [those whose card says default]
      --models          own .onnx files: a path, a glob, or several
      --shard_residues  letters in a shard                            [${params.shard_residues}]
      --batch_tokens    letters in a batch, padding included          [${params.batch_tokens}]
      -profile gpu      predict on a GPU
      -resume           recompute nothing that is unchanged
    """.stripIndent()
}

workflow {
    main:
    if (params.help) {
        println(help_text())
        exit(0)
    }
    check_parameters()
    def fastas = files_of('fasta', params.fasta)
    def samples = fastas.collect { fasta -> sample_of(fasta) }
    def twice = samples.countBy { sample -> sample }.find { sample -> sample.value > 1 }
    if (twice) {
        error("--fasta: two files would be sample '${twice.key}'; rename one")
    }
    def models = params.models ? files_of('models', params.models) : []
    def inputs = [samples, fastas].transpose().collect { pair -> [[id: pair[0]], pair[1]] }

    SPLIT(channel.fromList(inputs))
    PREDICT(SPLIT.out.shards.transpose(), models)
    manifests = SPLIT.out.manifest.toSortedList { a, b -> samples.indexOf(a[0].id) <=> samples.indexOf(b[0].id) }
    tables = PREDICT.out.table.toSortedList { a, b -> a[1].name <=> b[1].name }
    MERGE(
        manifests
            .combine(tables.map { rows -> [rows.collect { row -> row[1] }] })
            .map { row -> [[id: 'predictions'], row[0..-2].collect { pair -> pair[1] }, row[-1]] }
    )

    channel.topic('versions')
        .map { process, tool, version -> "${process}\t${tool}\t${version}" }
        .unique()
        .mix(channel.fromList(models + files("${projectDir}/utrlm/weights/*.onnx")).map { model -> "model\t${model.name}\t${model.bytes.digest('SHA-256')}" })
        .collectFile(name: 'versions.tsv', storeDir: "${params.outdir}/pipeline_info", newLine: true, sort: true)
}
