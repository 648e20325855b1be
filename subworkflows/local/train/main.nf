// Training: FASTA to a backbone, a table or a recipe to a model, a model to its scores.

include { file_of ; files_of ; plain } from '../inputs/main.nf'
include { PRETRAIN } from '../../../modules/local/pretrain/main.nf'
include { FINETUNE } from '../../../modules/local/finetune/main.nf'
include { EVALUATE } from '../../../modules/local/evaluate/main.nf'

// Stops at once, in one line, where a parameter of training cannot be right.
def check_training() {
    def texts = ['name', 'label_column', 'sequence_column', 'group_column', 'split_column', 'weight_column', 'unit', 'checkpoint_dir', 'outdir']
    texts.each { name ->
        if (params[name].toString().contains("'")) {
            error("--${name} ${params[name]}: no ' in a name")
        }
    }
    if (!(params.epochs.toString() ==~ /[0-9]*\.?[0-9]+/ && params.epochs.toString().toDouble() > 0)) {
        error("--epochs ${params.epochs}: not a number above 0")
    }
    if (params.recipe && params.train_table) {
        error("give either --train_table, or --recipe and --data")
    }
    if (!params.recipe != !params.data) {
        error("--recipe FILE and --data DIR go together")
    }
    if (params.evaluate && !params.recipe) {
        error("--evaluate needs --recipe FILE and --data DIR")
    }
    if (params.train_table && !params.task && !params.label_column) {
        error("--train_table needs --label_column COLUMN, or --task NAME and a column named as one of its targets")
    }
    if (params.pretrain_fasta && params.recipe) {
        error("--pretrain_fasta goes with --train_table or alone; a recipe says its own backbone")
    }
    if (params.backbone && params.pretrain_fasta) {
        error("--backbone goes without --pretrain_fasta, which makes one")
    }
    if (checkpoint_folder().toUri().scheme != 'file') {
        error("--checkpoint_dir ${checkpoint_folder().toUri()}: must be a folder that every task can write to; give --checkpoint_dir DIR")
    }
    if (params.data && !file(params.data).isDirectory()) {
        error("--data ${params.data}: no such folder")
    }
}

def checkpoint_folder() {
    return file(params.checkpoint_dir ?: "${params.outdir}/checkpoints").toAbsolutePath()
}

// Where a training's checkpoints are, made for engines to mount: the same for the same inputs and settings, another for others.
def checkpoints(id, inputs, names) {
    def stamps = inputs.collect { one -> "${one.name} ${one.size()} ${one.lastModified()}" }.sort()
    def settings = names.collect { name -> "${name} ${params[name]}" }
    def digest = (stamps + settings + [workflow.manifest.version]).join('\n').md5().substring(0, 8)
    def folder = checkpoint_folder().resolve("${id}-${digest}")
    folder.mkdirs()
    return folder.toString()
}

// The file of the backbone that a parameter names, or []: a shipped one's by its name, or the one named.
def backbone_file(name) {
    def shipped = file("${projectDir}/utrlm/weights/${params[name]}.safetensors")
    return shipped.exists() ? shipped : file_or_none(name)
}

// What a recipe, or settings of a table, calls its teachers and its backbone, where these are files; relative to where Nextflow was started.
def named_files(recipe) {
    def text = recipe.text.replaceAll(/(?m)(^|\s)#.*$/, '')
    def values = text.findAll(/(?m)^\s*backbone\s*=.*$/) + text.findAll(/(?ms)^\s*teachers\s*=\s*\[.*?\]/)
    def names = values.collectMany { value -> value.findAll(/(["'])(.+?)\1/) { found -> found[2] } }.unique()
    return names.findAll { name -> !file("${projectDir}/utrlm/weights/${name}.safetensors", glob: false).exists() }
}

// The file of such a name; a task sees it under the same name, but for an absolute one, which it finds by itself.
def file_named(where, name) {
    if (!name.startsWith('/') && (name.tokenize('/').contains('..') || name.contains("'"))) {
        error("${where}: ${name}: a path with .. or ' in a recipe must be an absolute one")
    }
    def found = file(name, glob: false)
    if (!found.isFile()) {
        error("${where}: ${name}: no such file; paths in a recipe count from where Nextflow is started")
    }
    return found
}

// All files that a recipe or settings, which `option` gives, names.
def all_named(option, told) {
    return told ? named_files(told).collect { name -> file_named("--${option} ${told.name}", name) } : []
}

// Of these, what FINETUNE has to put into place: the names that are relative, and their files.
def relative_named(option, told) {
    def names = told ? named_files(told).findAll { name -> !name.startsWith('/') } : []
    return [names, names.collect { name -> file_named("--${option} ${told.name}", name) }]
}

// The file that a parameter names, or [].
def file_or_none(name) {
    return params[name] ? file_of(name, params[name]) : []
}

// What decides how a backbone is made.
def settings_of_pretraining() {
    return ['preset', 'random_utrs', 'epochs', 'pretrain_seed', 'pretrain_fold', 'token_dropout']
}

// What decides how a training without a recipe goes.
def settings_of_training() {
    return settings_of_pretraining() + ['seeds', 'task', 'label_column', 'sequence_column', 'group_column', 'split_column', 'weight_column', 'unit']
}

// The tables of a data folder that a recipe speaks of; other files there are none of its business.
def tables_of(recipe) {
    return files("${params.data}/**").findAll { one -> recipe.text.contains(one.name) }
}

// All files that a training reads, and the parameters that decide it: what its crate names.
def training_inputs() {
    def found = params.pretrain_fasta ? files_of('pretrain_fasta', params.pretrain_fasta) : []
    found += params.train_table ? [file_of('train_table', params.train_table)] : []
    found += [backbone_file('pretrain_init'), backbone_file('backbone'), file_or_none('pretrain_settings'), file_or_none('settings')].flatten()
    found += all_named('settings', file_or_none('settings'))
    found += params.evaluate ? [file_of('evaluate', params.evaluate)] : []
    if (params.recipe) {
        def recipe = file_of('recipe', params.recipe)
        found += [recipe] + tables_of(recipe) + (params.evaluate ? [] : all_named('recipe', recipe))
    }
    return [files: found, names: params.recipe ? (params.evaluate ? ['split'] : ['seeds']) : settings_of_training()]
}

workflow TRAIN {
    main:
    def fastas = params.pretrain_fasta ? files_of('pretrain_fasta', params.pretrain_fasta) : []
    def init = backbone_file('pretrain_init')
    def rates = file_or_none('pretrain_settings')
    def corpus = fastas + [init, rates].flatten()
    def id = 'backbone-' + (init ? plain(init.baseName).replaceFirst(/^backbone-/, '') : params.preset)
    PRETRAIN(channel.fromList(fastas ? [[[id: id], fastas, init, rates, checkpoints(id, corpus, settings_of_pretraining())]] : []))

    def tables = []
    if (params.train_table) {
        def table = file_of('train_table', params.train_table)
        def start = backbone_file('backbone')
        def settings = file_or_none('settings')
        def inputs = corpus + [table, start, settings].flatten() + all_named('settings', settings)
        def (relative, named) = relative_named('settings', settings)
        def folder = checkpoints(params.name, inputs, settings_of_training())
        tables << [[id: params.name, named: relative], [], table, start, named, settings, folder]
    }
    if (params.recipe && !params.evaluate) {
        def recipe = file_of('recipe', params.recipe)
        def inputs = [recipe] + tables_of(recipe) + all_named('recipe', recipe)
        def (relative, named) = relative_named('recipe', recipe)
        def meta = [id: plain(recipe.baseName), named: relative]
        tables << [meta, recipe, file(params.data), [], named, [], checkpoints(meta.id, inputs, params.seeds ? ['seeds'] : [])]
    }
    def from_fasta = channel.fromList(tables).combine(PRETRAIN.out.backbone).map { row -> row[0..2] + [row[8]] + row[4..6] }
    FINETUNE(fastas ? from_fasta : channel.fromList(tables))

    def scored = params.evaluate ? file_of('evaluate', params.evaluate) : []
    EVALUATE(channel.fromList(params.evaluate ? [[[id: plain(scored.simpleName)], scored, file_of('recipe', params.recipe), file(params.data)]] : []))

    emit:
    told = PRETRAIN.out.scores
        .mix(PRETRAIN.out.log, FINETUNE.out.model, FINETUNE.out.log, EVALUATE.out.scores)
        .map { pair -> pair[1] }
    made = PRETRAIN.out.backbone
        .mix(PRETRAIN.out.scores, PRETRAIN.out.log, PRETRAIN.out.report, EVALUATE.out.scores)
        .mix(FINETUNE.out.model, FINETUNE.out.card, FINETUNE.out.log, FINETUNE.out.recipe, FINETUNE.out.split, FINETUNE.out.folds, FINETUNE.out.report)
        .flatMap { row -> row.tail() }
        .flatten()
    versions = PRETRAIN.out.versions_utrlm.mix(FINETUNE.out.versions_utrlm, EVALUATE.out.versions_utrlm)
}
