// FASTA of 5' UTRs in, one table of predictions out; or a genome and its annotation; or variants of it.

include { EXTRACT  } from './modules/local/extract/main.nf'
include { VARIANTS } from './modules/local/variants/main.nf'
include { SPLIT    } from './modules/local/split/main.nf'
include { PREDICT  } from './modules/local/predict/main.nf'
include { MERGE    } from './modules/local/merge/main.nf'

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
    def known = ['fasta', 'genome', 'gtf', 'vcf', 'select', 'haplotypes', 'outdir', 'tasks', 'models', 'shard_residues', 'batch_tokens', 'help']
    known += ['max_cpus', 'max_memory', 'max_time', 'queue', 'queue_size', 'array_size', 'cluster_options']
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
    if (!(params.select in ['all', 'mane', 'canonical', 'gene'])) {
        error("--select ${params.select}: neither all, mane, canonical nor gene")
    }
    if (params.fasta && (params.genome || params.vcf)) {
        error("give either --fasta, or --genome and --gtf")
    }
    if (!params.fasta && !params.genome) {
        error(params.vcf ? "--vcf needs --genome FILE and --gtf FILE" : "give --fasta FILE (or --help)")
    }
    if (params.genome && !params.gtf) {
        error("--genome needs --gtf FILE")
    }
}

// The one file that a parameter names.
def file_of(name, value) {
    def found = files_of(name, value)
    if (found.size() > 1) {
        error("--${name} ${value}: ${found.size()} files; give one")
    }
    return found[0]
}

// Samples by their names, in the order given; a name that two of them would have is an error.
def named(name, found) {
    def inputs = found.collect { one -> [[id: sample_of(one)], one] }
    def twice = inputs.countBy { pair -> pair[0].id }.find { sample -> sample.value > 1 }
    if (twice) {
        error("--${name}: two files would be sample '${twice.key}'; rename one")
    }
    return inputs
}

// Name of a sample: the file's name without its endings.
def sample_of(fasta) {
    return fasta.name.replaceFirst(/(?i)\.b?gz$/, '').replaceFirst(/(?i)\.(fa|fasta|fna|ffn|fas|vcf|bcf)$/, '').replaceAll(/[^\w.-]/, '_')
}

def help_text() {
    return """\
    nextflow run main.nf --fasta utrs.fa.gz [options]
    nextflow run main.nf --genome genome.fa --gtf annotation.gtf.gz [options]
    nextflow run main.nf --vcf variants.vcf.gz --genome genome.fa --gtf annotation.gtf.gz [options]

      --fasta           FASTA of 5' UTRs, plain or gz: a path, a glob in quotes, or several divided by commas
      --genome, --gtf   genome FASTA (plain or bgzipped) and its GTF or GFF3 (plain or gz), to cut the 5' UTRs from
      --vcf             VCF or BCF: predict what its variants do to these 5' UTRs; a path, a glob, or several
      --select          transcripts: all, mane, canonical, gene (one a gene)  [${params.select}]
      --haplotypes      also alleles that a sample carries together on one chromosome
      --outdir          where results go                              [${params.outdir}]
      --tasks           shipped models, divided by commas             [those whose card says default]
      --models          own .onnx files: a path, a glob, or several
      --shard_residues  letters in a shard                            [${params.shard_residues}]
      --batch_tokens    letters in a batch, padding included          [${params.batch_tokens}]
      --max_cpus, --max_memory, --max_time   most that one task may ask for, such as 8, '16 GB', '12 h'
      -profile gpu      predict on a GPU
      -profile docker, podman, singularity, apptainer, charliecloud, conda   where the tools come from
      -profile slurm    submit to Slurm; --queue, --queue_size [${params.queue_size}], --array_size [${params.array_size}], --cluster_options
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
    def models = params.models ? files_of('models', params.models) : []
    def annotated = params.genome ? [file_of('genome', params.genome), file_of('gtf', params.gtf)] : []
    if (params.vcf) {
        def vcfs = named('vcf', files_of('vcf', params.vcf))
        VARIANTS(channel.fromList(vcfs.collect { pair -> pair + annotated }), models)
    }
    else {
        def fastas = params.fasta ? named('fasta', files_of('fasta', params.fasta)) : []
        def samples = params.fasta ? fastas.collect { pair -> pair[0].id } : ['utrs']
        EXTRACT(channel.fromList(params.fasta ? [] : [[[id: 'utrs']] + annotated]))
        SPLIT(channel.fromList(fastas).mix(EXTRACT.out.fasta))
        PREDICT(SPLIT.out.shards.transpose(), models)
        manifests = SPLIT.out.manifest.toSortedList { a, b -> samples.indexOf(a[0].id) <=> samples.indexOf(b[0].id) }
        tables = PREDICT.out.table.toSortedList { a, b -> a[1].name <=> b[1].name }
        MERGE(
            manifests
                .combine(tables.map { rows -> [rows.collect { row -> row[1] }] })
                .map { row -> [[id: 'predictions'], row[0..-2].collect { pair -> pair[1] }, row[-1]] }
        )
    }

    channel.topic('versions')
        .map { process, tool, version -> "${process}\t${tool}\t${version}" }
        .unique()
        .mix(channel.fromList(models + files("${projectDir}/utrlm/weights/*.onnx")).map { model -> "model\t${model.name}\t${model.bytes.digest('SHA-256')}" })
        .collectFile(name: 'versions.tsv', storeDir: "${params.outdir}/pipeline_info", newLine: true, sort: true)
}
