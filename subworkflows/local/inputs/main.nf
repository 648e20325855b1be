// From what a parameter says to files and samples.

// The files that a parameter names: a path, a glob, or several divided by commas (not those in braces); in a fixed order. Two of
// one name are an error, since a task has its files in one folder.
def files_of(name, value) {
    def patterns = value instanceof List ? value : value.toString().split(/,(?![^{]*\})/).findAll { part -> part.trim() }
    if (!patterns) {
        error("--${name} ${value}: no such file")
    }
    def all = patterns.collectMany { pattern ->
        def found = files(pattern.toString().trim(), checkIfExists: false)
            .findAll { one -> one.isFile() }
            .sort { one -> one.toString() }
        if (!found) {
            error("--${name} ${pattern}: no such file")
        }
        found
    }
    def twice = all.countBy { one -> one.name }.find { count -> count.value > 1 }
    if (twice) {
        error("--${name} ${value}: two files are called ${twice.key}; rename one")
    }
    return all
}

// The one file that a parameter names.
def file_of(name, value) {
    def found = files_of(name, value)
    if (found.size() > 1) {
        error("--${name} ${value}: ${found.size()} files; give one")
    }
    return found[0]
}

// Takes a folder of results for this run, by a lock of the system's, which goes when the run ends, however it ends: a second run
// would put its files among the first one's. What holds it, to be kept; null where there are no locks, as in an object store.
def taken_folder(name, value) {
    def folder = file(value).resolve('pipeline_info')
    if (folder.scheme != 'file') {
        return null
    }
    folder.mkdirs()
    if (!java.nio.file.Files.isDirectory(folder) || !java.nio.file.Files.isWritable(folder)) {
        error("--${name} ${value}: a folder that cannot be made or written to")
    }
    def held = new RandomAccessFile(folder.resolve('.lock').toFile(), 'rw')
    def lock = true
    try {
        lock = held.channel.tryLock()
    }
    catch (IOException _none) { // some network file systems
        return held
    }
    if (!lock) {
        error("--${name} ${value}: another run writes there; wait for it, or give another folder")
    }
    return held
}

// Samples by their names, in the order given; a name that two of them would have is an error.
def named(name, found) {
    return named_once(name, found.collect { one -> [[id: sample_of(one)], one] })
}

// Name of a sample: the file's name without its endings.
def sample_of(fasta) {
    return plain(fasta.name.replaceFirst(/(?i)\.b?gz$/, '').replaceFirst(/(?i)\.(fa|fasta|fna|ffn|fas|vcf|bcf)$/, ''))
}

// A name that the shell and globs take as it is: _ in place of all else, and of what would hide a file.
def plain(name) {
    return name.replaceAll(/[^\w.-]|^[.-]/, '_')
}

// Names of the shipped models that predict.
def shipped_models() {
    return files("${projectDir}/utrlm/weights/*.onnx").collect { model -> model.baseName }.findAll { name -> !name.startsWith('backbone-') }.sort()
}

// The same names, unless one is of no shipped model; `where` says who gave them.
def tasks_of(where, names) {
    def shipped = shipped_models()
    return names.each { task ->
        if (!(task in shipped)) {
            error("${where} ${task}: no shipped model; there are ${shipped.join(', ')}")
        }
    }
}

// Samples of a sheet with columns sample, fasta and perhaps tasks, in its order; a relative path counts from the sheet's folder.
def sheet_samples(name, value) {
    def sheet = file_of(name, value)
    def rows = sheet.text.trim() ? sheet.splitCsv(header: true, strip: true) : []
    def inputs = rows.withIndex(1).collect { row, number ->
        def others = row.keySet() - ['sample', 'fasta', 'tasks']
        if (others) {
            error("--${name} ${value}: row ${number}: column ${others.join(', ')}: only sample, fasta and tasks are read")
        }
        if (!row.sample || !row.fasta) {
            error("--${name} ${value}: row ${number}: needs a value in the columns sample and fasta")
        }
        if (!(row.sample ==~ /\w[\w.-]*/)) {
            error("--${name} ${value}: row ${number}: sample '${row.sample}': letters, digits, _, . and - make a name, no . or - in front")
        }
        def fasta = sheet.toAbsolutePath().parent.resolve(row.fasta)
        if (!fasta.isFile()) {
            error("--${name} ${value}: row ${number}: ${row.fasta}: no such file")
        }
        def tasks = tasks_of("--${name} ${value}: row ${number}: task", (row.tasks ?: '').tokenize(',; '))
        [[id: row.sample] + (tasks ? [tasks: tasks.join(',')] : [:]), fasta]
    }
    if (!inputs) {
        error("--${name} ${value}: no rows")
    }
    return named_once(name, inputs)
}

// The same samples, unless two of them have one name.
def named_once(name, inputs) {
    def twice = inputs.countBy { pair -> pair[0].id }.find { sample -> sample.value > 1 }
    if (twice) {
        error("--${name}: two files would be sample '${twice.key}'; rename one")
    }
    return inputs
}
