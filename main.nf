// FASTA of 5' UTRs in, one table of predictions out; or a genome and its annotation; or variants of it; or training.

include { file_of ; files_of ; named ; sheet_samples ; taken_folder ; tasks_of } from './subworkflows/local/inputs/main.nf'
include { TRAIN ; check_training ; training_inputs } from './subworkflows/local/train/main.nf'
include { PAGE } from './subworkflows/local/report/main.nf'
include { PROVENANCE } from './subworkflows/local/provenance/main.nf'
include { EXTRACT  } from './modules/local/extract/main.nf'
include { VARIANTS } from './modules/local/variants/main.nf'
include { SPLIT    } from './modules/local/split/main.nf'
include { PREDICT  } from './modules/local/predict/main.nf'
include { MERGE    } from './modules/local/merge/main.nf'
include { UORF     } from './modules/local/uorf/main.nf'
include { MUTAGENESIS } from './modules/local/mutagenesis/main.nf'
include { DESIGN      } from './modules/local/design/main.nf'

// What nextflow_schema.json says of each parameter.
def known_parameters() {
    def schema = new groovy.json.JsonSlurper().parse(file("${projectDir}/nextflow_schema.json"))
    return schema['$defs'].values().collectEntries { group -> group.properties }
}

// One line that says what is wrong with a parameter's value by itself; null where it may be right.
def wrong_value(name, value, known) {
    def wanted = known[name]
    if (!wanted) { // Nextflow gives every name with a - another without, which is looked at
        return name.contains('-') ? null : "--${name}: no such parameter; there are ${known.keySet().collect { one -> '--' + one }.join(', ')}"
    }
    if (wanted.type == 'boolean' && value != null && !(value instanceof Boolean)) {
        return "--${name} ${value}: must be true or false, in a file of parameters without quotes"
    }
    if (wanted.type == 'integer' && value != null && !(value.toString() ==~ (wanted.minimum ? '[1-9][0-9]{0,8}' : '[0-9]{1,9}'))) {
        return "--${name} ${value}: not a whole number${wanted.minimum ? ' above 0' : ''}"
    }
    if (wanted['enum'] && value && !(value in wanted['enum'])) {
        return "--${name} ${value}: none of ${wanted['enum'].join(', ')}"
    }
    return wanted.pattern && value != null && !(value.toString() ==~ wanted.pattern) ? "--${name} ${value}: ${wanted.errorMessage}" : null
}

// The parameter that asks for a training or its scores; null where something is to be predicted.
def training_asked() {
    return ['pretrain_fasta', 'train_table', 'recipe', 'data', 'evaluate'].find { one -> params[one] }
}

// A line for each option that would be ignored: none of the parameters that it belongs to is given, or one that it does not go with.
def ignored_options(known) {
    def of_table = ['name', 'task', 'label_column', 'sequence_column', 'group_column', 'split_column', 'weight_column', 'unit', 'settings', 'backbone']
    def belongs = of_table.collectEntries { name -> [name, ['train_table']] } + [
        gtf: ['genome'],
        select: ['genome'],
        haplotypes: ['vcf'],
        deletions: ['mutagenesis'],
        plots: ['mutagenesis', 'design', 'evaluate'],
        preset: ['pretrain_fasta'],
        random_utrs: ['pretrain_fasta'],
        pretrain_init: ['pretrain_fasta'],
        pretrain_fold: ['pretrain_fasta'],
        token_dropout: ['pretrain_fasta'],
        pretrain_seed: ['pretrain_fasta'],
        pretrain_settings: ['pretrain_fasta'],
        seeds: ['train_table', 'recipe'],
        epochs: ['train_table', 'pretrain_fasta'],
        checkpoint_dir: ['train_table', 'pretrain_fasta', 'recipe'],
        split: ['evaluate'],
    ]
    def lonely = belongs.findAll { name, others ->
        params[name] && params[name] != known[name]['default'] && !others.any { one -> params[one] }
    }
    def training = training_asked()
    def other = training ?: ['vcf', 'mutagenesis', 'design'].find { one -> params[one] }
    def lost = (['uorf', 'fold', 'ct', 'pseudoknots'] + (training ? ['tasks', 'models'] : [])).findAll { name -> other && params[name] }
    return lonely.collect { name, others -> "--${name} goes with ${others.collect { one -> '--' + one }.join(' or ')}" } +
        lost.collect { name -> "--${name} does not go with --${other}" }
}

// Stops at once, a line for each, where parameters are wrong, do not fit each other or name what is not there.
def check_parameters() {
    def known = known_parameters()
    def wrong = params.collect { name, value -> wrong_value(name, value, known) }.findAll { line -> line } ?: ignored_options(known)
    if (wrong) {
        error(wrong.join('\n'))
    }
    tasks_of('--tasks', params.tasks.toString().tokenize(',').collect { task -> task.trim() })
    if (training_asked()) {
        if (params.fasta || params.input || params.genome || params.vcf) {
            error("give either what to predict (--fasta, --genome, --vcf) or what to train on")
        }
        check_training()
        return
    }
    if (workflow.profile.tokenize(',').containsAll(['conda', 'gpu'])) {
        error("-profile conda,gpu: trains alone, since conf/environment.yml has no onnxruntime with CUDA; predict with a container engine and gpu")
    }
    if (params.fasta && params.input) {
        error("give either --fasta or --input")
    }
    if ((params.fasta || params.input) && (params.genome || params.vcf)) {
        error("give either --fasta, or --genome and --gtf")
    }
    if ([params.vcf, params.mutagenesis, params.design].findAll { one -> one }.size() > 1) {
        error("give one of --vcf, --mutagenesis and --design")
    }
    def folding = ['fold', 'ct', 'pseudoknots'].find { one -> params[one] }
    if (folding && params.tasks && !params.models && !params.tasks.toString().contains('structure')) {
        error("--${folding} is for models of structure: add --tasks structure, or --models of your own")
    }
    if (params.design == true) {
        error("--design needs options of utrlm-design: --design='--maximise mrl_varying'")
    }
    if (!params.fasta && !params.input && !params.genome && !params.design) {
        error(params.vcf ? "--vcf needs --genome FILE and --gtf FILE" : "give --fasta FILE (or --help)")
    }
    if (params.genome && !params.gtf) {
        error("--genome needs --gtf FILE")
    }
}

def help_text() {
    return """\
    nextflow run main.nf --fasta utrs.fa.gz [options]
    nextflow run main.nf --genome genome.fa --gtf annotation.gtf.gz [options]
    nextflow run main.nf --vcf variants.vcf.gz --genome genome.fa --gtf annotation.gtf.gz [options]
    nextflow run main.nf --design='--maximise mrl_varying --length 50 --no-uaug' [options]
    nextflow run main.nf --train_table data.csv --label_column COLUMN [options]
    nextflow run main.nf --recipe recipe.toml --data DIR [--evaluate model.onnx]
    nextflow run main.nf --pretrain_fasta 'utrs/*.fa.gz' [options]

      --fasta           FASTA of 5' UTRs, plain or gz: a path, a glob in quotes, or several divided by commas
      --input           CSV with columns sample, fasta and perhaps tasks (models of that sample), instead
      --genome, --gtf   genome FASTA (plain or bgzipped) and its GTF or GFF3 (plain or gz), to cut the 5' UTRs from
      --vcf             VCF or BCF: predict what its variants do to these 5' UTRs; a path, a glob, or several
      --select          transcripts: all, mane, canonical, gene (one a gene)  [${params.select}]
      --haplotypes      also alleles that a sample carries together on one chromosome
      --uorf            also upstream AUGs: columns in predictions.tsv, and a table of them
      --mutagenesis     instead of one row a record, all its single mutants (with --deletions, also deleted letters)
      --design='...'    design 5' UTRs, beginning with those given or random ones; options of utrlm-design in quotes
      --plots           also draw the maps of --mutagenesis, the course of --design or the faults that --evaluate finds
      --outdir          where results go                              [${params.outdir}]
      --tasks           shipped models, divided by commas             [those whose card says default]
      --models          own .onnx files: a path, a glob, or several
      --shard_residues  letters in a shard                            [${params.shard_residues}]
      --batch_tokens    letters in a batch, padding included          [${params.batch_tokens}]
      --fold            tell models of structure what ViennaRNA says of pairs
      --pseudoknots     of structures, also the pairs that cross others
      --ct              structures as connectivity tables, too
      --report          report.html, one page of what was made (needs multiqc)  [${params.report}]
      --crate           ro-crate-metadata.json: what was run on what, with digests  [${params.crate}]

      --train_table     CSV, TSV or Parquet: train a model on it
      --task            its kind: mrl, te, el, splice, structure      [numbers]
      --label_column    columns to learn, divided by commas           [those named as the task's targets]
      --sequence_column                                               [${params.sequence_column}]
      --group_column, --split_column, --weight_column                 [none: whole groups are drawn, rows count alike]
      --name, --unit    of the model; of its labels                   [${params.name}]
      --epochs          times a row is seen                           [${params.epochs}]
      --seeds           train so many models and average them         [as the recipe says, or one]
      --settings        phases, patience, folds and more of a table's recipe (TOML)
      --backbone        to start from: a shipped one's name, or a file
      --recipe, --data  how a model is made (TOML), and the folder of its tables
      --evaluate        score this model (.onnx) or these out-of-fold predictions on that recipe's --split [${params.split}]
      --pretrain_fasta  FASTA to pre-train a backbone on; with --train_table, the model starts from it
      --preset          its size: tiny, nano, micro, mega, giga       [${params.preset}]
      --random_utrs     random UTRs to add                            [${params.random_utrs}]
      --pretrain_init   backbone, or RiNALMo's checkpoint, to start from instead: a shipped one's name, or a file
      --pretrain_fold   also learn minimum free energy and pairing, as ViennaRNA computes them
      --token_dropout   show a hidden letter as zero, and the others as so much more
      --pretrain_seed, --pretrain_settings   of all that is drawn; rates, batches and more (TOML)   [${params.pretrain_seed}, none]
      --checkpoint_dir  where training continues after an interruption [OUTDIR/checkpoints]

      --max_cpus, --max_memory, --max_time   most that one task may ask for, such as 8, '16 GB', '12 h'
      -profile gpu      predict and train on a GPU
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
    def held = taken_folder('outdir', params.outdir)
    workflow.onComplete = { held?.close() }
    def models = params.models ? files_of('models', params.models) : []
    def annotated = params.genome ? [file_of('genome', params.genome), file_of('gtf', params.gtf)] : []
    def fastas = params.input ? sheet_samples('input', params.input) : params.fasta ? named('fasta', files_of('fasta', params.fasta)) : []
    def given = fastas.collect { pair -> pair[1] } + annotated + (params.input ? [file_of('input', params.input)] : [])
    def samples = fastas ? fastas.collect { pair -> pair[0].id } : ['utrs']
    def decide = ['tasks', 'batch_tokens']
    (table, speeds, counts) = [channel.of([[:], []]), channel.empty(), channel.empty()] // of the page
    if (training_asked()) {
        def settings = training_inputs()
        TRAIN()
        (made, told, versions, given, decide) = [TRAIN.out.made, TRAIN.out.told, TRAIN.out.versions, settings.files, settings.names]
    }
    else if (params.vcf) {
        def vcfs = named('vcf', files_of('vcf', params.vcf))
        VARIANTS(channel.fromList(vcfs.collect { pair -> pair + annotated }), models)
        told = VARIANTS.out.table.mix(VARIANTS.out.counts).map { pair -> pair[1] }
        made = told.mix(VARIANTS.out.vcf.flatMap { row -> row.tail() }.flatten())
        (versions, given, decide) = [VARIANTS.out.versions_utrlm, vcfs.collect { pair -> pair[1] } + given, decide + ['select', 'haplotypes']]
    }
    else {
        EXTRACT(channel.fromList(params.genome ? [[[id: 'utrs']] + annotated] : []))
        utrs = channel.fromList(fastas).mix(EXTRACT.out.fasta)
        counts = EXTRACT.out.counts
        extracted = EXTRACT.out.fasta.mix(EXTRACT.out.bed, EXTRACT.out.counts).map { pair -> pair[1] }
        if (params.mutagenesis) {
            MUTAGENESIS(utrs, models)
            told = MUTAGENESIS.out.table.map { pair -> pair[1] }
            (made, versions, decide) = [extracted.mix(told), MUTAGENESIS.out.versions_utrlm, decide + ['select', 'deletions']]
        }
        else if (params.design) {
            DESIGN(utrs.mix(channel.fromList(fastas || params.genome ? [] : [[[id: 'random'], []]])), models)
            told = DESIGN.out.table.mix(DESIGN.out.trajectory).map { pair -> pair[1] }
            made = extracted.mix(told, DESIGN.out.fasta.map { pair -> pair[1] })
            (versions, decide) = [DESIGN.out.versions_utrlm, decide + ['select', 'design']]
        }
        else {
            SPLIT(utrs)
            PREDICT(SPLIT.out.shards.transpose(), models)
            UORF(params.uorf ? utrs : channel.empty())
            manifests = SPLIT.out.manifest.toSortedList { a, b -> samples.indexOf(a[0].id) <=> samples.indexOf(b[0].id) }
            tables = PREDICT.out.table.toSortedList { a, b -> a[1].name <=> b[1].name }
            structures = PREDICT.out.structures.toSortedList { a, b -> a[1].name <=> b[1].name }
            MERGE(
                manifests
                    .combine(tables.map { rows -> [rows.collect { row -> row[1] }] })
                    .combine(structures.map { rows -> [rows.collect { row -> row[1] }] })
                    .filter { row -> row.size() > 2 } // no manifest: SPLIT failed, and has said why
                    .map { row -> [[id: 'predictions'], row[0..-3].collect { pair -> pair[1] }, row[-2], row[-1]] }
            )
            (table, speeds, told) = [MERGE.out.table, PREDICT.out.speed, channel.empty()]
            made = extracted.mix(MERGE.out.table.mix(MERGE.out.structures, MERGE.out.ct, UORF.out.table).flatMap { row -> row.tail() })
            (versions, decide) = [PREDICT.out.versions_utrlm, decide + ['select', 'uorf', 'fold', 'ct', 'pseudoknots', 'shard_residues']]
        }
    }
    if (params.report) {
        PAGE(table, speeds, counts, told, versions, models, samples[0])
    }
    if (params.crate) {
        PROVENANCE(made, given, versions, models, decide)
    }

    channel.topic('versions')
        .map { process, tool, version -> "${process}\t${tool}\t${version}" }
        .unique()
        .mix(channel.fromList(models + files("${projectDir}/utrlm/weights/*.onnx")).map { model -> "model\t${model.name}\t${model.bytes.digest('SHA-256')}" })
        .collectFile(name: 'versions.tsv', storeDir: "${params.outdir}/pipeline_info", newLine: true, sort: true)
}
