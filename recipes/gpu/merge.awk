# A recipe, the last file, with the settings of the files before it in place of its own; its tables' teachers are the GPU's.
FNR == 1 && ++file == ARGC - 1 { for (key in own) print own[key] }
file < ARGC - 1 { if (/^[a-z_]+ = /) own[$1] = $0; next }
/^\[\[/ { body = 1 }
body { gsub("\"runs/", "\"runs/gpu/") }
body || !($1 in own)
