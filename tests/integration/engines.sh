#!/usr/bin/env bash
# podman, apptainer and Charliecloud without a daemon, for tests: Debian 12, root, about two minutes; no kernel module, no service.
# usage: engines.sh install            the engines, from Debian (apptainer from sid, with its own libc beside it)
#        engines.sh image [KIND]       containers/build predict (or KIND), then the forms that apptainer and Charliecloud read
#        eval "$(engines.sh env)"      puts the engines on PATH and points them, and Nextflow, at the local store
#        engines.sh clean              unmounts and deletes the store
# ENGINES_DIR (default build/engines of the repository) holds everything. CA: the certificates of a host behind a proxy.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
D=${ENGINES_DIR:-$root/build/engines}
apptainer=$D/apptainer libc=$D/apptainer/libc/usr/lib/x86_64-linux-gnu
mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep /debian/ | grep -v security | head -1)

environment() {
    cat <<X_END
export CONTAINERS_STORAGE_CONF=$D/storage.conf CONTAINERS_CONF=$D/containers.conf BUILDAH_ISOLATION=chroot USER=\${USER:-root}
export PATH=$D/bin:$apptainer/usr/bin:\$PATH APPTAINER_CACHEDIR=$D/cache APPTAINER_TMPDIR=$D
export NXF_APPTAINER_CACHEDIR=$D/sif NXF_CHARLIECLOUD_CACHEDIR=$D/ch
X_END
}

# Debian stable has no apptainer; sid's runs on its own libc, so that nothing of the host is replaced.
install_apptainer() {
    [ -x "$apptainer/usr/bin/apptainer" ] && return
    mkdir -p "$apptainer"/apt/{lists/partial,cache/archives/partial,debs}
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" > "$apptainer/apt/sources.list"
    local options=(-qq -o "Dir::Etc::SourceList=$apptainer/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$apptainer/apt/lists" -o "Dir::Cache=$apptainer/apt/cache" -o APT::Sandbox::User=root)
    (cd "$apptainer/apt/debs" && apt-get "${options[@]}" update &&
        apt-get "${options[@]}" download apptainer libc6 libseccomp2 libsqlite3-0)
    dpkg -x "$apptainer"/apt/debs/apptainer_*.deb "$apptainer"
    for package in libc6 libseccomp2 libsqlite3-0; do dpkg -x "$apptainer"/apt/debs/${package}_*.deb "$apptainer/libc"; done
    for file in "$apptainer/usr/bin/apptainer" "$apptainer/usr/lib/x86_64-linux-gnu/apptainer/bin/starter"; do
        patchelf --set-interpreter "$libc/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$libc" "$file"
    done
    mkdir -p "$apptainer/var/lib/apptainer/mnt/session"
    for folder in "$apptainer/usr" "$apptainer/usr/lib"; do # a relocated install looks here
        ln -sfn "$apptainer/etc" "$folder/etc"
        ln -sfn "$apptainer/var" "$folder/var"
    done
    sed -i 's/^root default capabilities.*/root default capabilities = no/' "$apptainer/etc/apptainer/apptainer.conf"
    rm -rf "$apptainer/apt"
}

install() {
    apt-get update -qq -o DPkg::Lock::Timeout=300
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends \
        buildah podman runc charliecloud debootstrap patchelf squashfs-tools uidmap > /dev/null
    mkdir -p "$D"/{bin,cache,sif} "$D"/ch/{img,dlcache}
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/storage"\nrunroot = "%s/run"\n' "$D" "$D" > "$D/storage.conf"
    cat > "$D/containers.conf" <<X_END
[containers]
netns = "host"
default_ulimits = ["nofile=10000:10000", "nproc=10000:10000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
X_END
    ln -sfn "$(command -v podman)" "$D/bin/docker"
    install_apptainer
}

# Stands in for Docker Hub's image of that name where the hub cannot be reached.
base() {
    buildah inspect --type image debian:bookworm-slim > /dev/null 2>&1 && return
    debootstrap --variant=minbase bookworm "$D/base" "$mirror" > "$D/debootstrap.log"
    find "$D/base/usr/share/doc" ! -type d ! -name copyright -delete
    local container folder
    container=$(buildah from scratch)
    folder=$(buildah mount "$container")
    tar -C "$D/base" --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*' --exclude='./usr/share/man/*' \
        --exclude='./usr/share/locale/*' --exclude='./dev/*' -c . | tar -C "$folder" -x
    buildah commit -q --rm "$container" debian:bookworm-slim > /dev/null
    rm -rf "$D/base"
}

image() {
    eval "$(environment)"
    base
    local mounts=() name sif folder container
    if [ -n "${CA:-}" ]; then
        printf '[global]\ncert = /run/host-ca.crt\n' > "$D/pip.conf"
        mounts+=(-v "$CA:/run/host-ca.crt:ro" -v "$D/pip.conf:/etc/pip.conf:ro")
    fi
    TOOL=buildah "$root/containers/build" "${1:-predict}" --isolation chroot --network host "${mounts[@]}" > "$D/build.log" 2>&1 ||
        { tail -20 "$D/build.log" >&2; return 1; }
    name=$(tail -1 "$D/build.log")
    sif=$D/sif/$(tr ':/' '--' <<< "$name").img # the names that Nextflow looks for in its cache folders
    folder=$D/ch/img/$(sed 's#:#+#g; s#/#%#g' <<< "$name")
    container=$(buildah from "$name")
    rm -rf "$folder"
    cp -a "$(buildah mount "$container")" "$folder"
    buildah rm "$container" > /dev/null
    mkdir -p "$folder/ch"
    buildah inspect --type image --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' "$name" | grep = > "$folder/ch/environment"
    rm -f "$D/image.tar"
    buildah push -q "$name" "docker-archive:$D/image.tar:$name"
    apptainer -q build -F --mksquashfs-args "-processors 1 -comp gzip -Xcompression-level 1" "$sif" "docker-archive:$D/image.tar"
    rm -f "$D/image.tar"
    echo "$name: $(du -sm "$folder" | cut -f1) MB unpacked, $(du -m "$sif" | cut -f1) MB as SIF"
}

clean() {
    eval "$(environment)"
    buildah rm -a > /dev/null 2>&1 || true
    podman rm -fa > /dev/null 2>&1 || true
    awk -v d="$D/" 'index($2, d) == 1 {print $2}' /proc/mounts | sort -r | while read -r mount; do umount "$mount"; done
    rm -rf --one-file-system "$D"
}

case ${1:-} in
    install | image | clean) "$@" ;;
    env) environment ;;
    *) sed -n 3,7p "$0" >&2; exit 2 ;;
esac
