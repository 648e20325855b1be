# A recipe, the last file, with the settings of the files before it in place of its own: above their first [[table]] those of the
# training, below it those of whatever table has them. What it names in runs/ lies in runs/gpu/.
FNR == 1 { body = ""; last = ++file == ARGC - 1 }
FNR == 1 && last { for (key in own) if (key !~ /^\[/) print moved(own[key]) }
/^\[\[/ { body = "[" }
!last { if (/^[a-z_]+ = /) own[body $1] = $0; next }
body && (body $1) in own { $0 = own[body $1] }
body || !($1 in own) { print moved($0) }
function moved(line) { gsub("\"runs/", "\"runs/gpu/", line); return line }
