#!/usr/bin/env bash
# A real Slurm of one node for tests (munged, slurmctld, slurmd): loopback only, no systemd, no accounting. Debian 12, root.
# Memory limits are enforced where the memory cgroup (v1) may be written to: a job ends OUT_OF_MEMORY, its exit status is 137.
# usage: slurm.sh start|restart|stop     then: export SLURM_CONF=$SLURM_DIR/slurm.conf     (SLURM_DIR: default build/slurm of the repository)
set -euo pipefail
D=${SLURM_DIR:-$(cd "$(dirname "$0")/../.." && pwd)/build/slurm}
CPUS=${SLURM_FAKE_CPUS:-4} MEMORY=${SLURM_FAKE_MEM_MB:-$(awk '/MemTotal/{print int($2/1024*.9)}' /proc/meminfo)}
export SLURM_CONF=$D/slurm.conf
host=$(hostname -s)
if [ -w /sys/fs/cgroup/memory/tasks ]; then plugin=task/cgroup ram=yes; else plugin=task/none ram=no; fi

# Ends a daemon of ours, found by the pid that it wrote.
end() {
    [ -s "$D/$1.pid" ] || return 0
    local pid
    pid=$(cat "$D/$1.pid")
    if [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = "$1" ]; then
        kill "$pid"
        for _ in $(seq 600); do kill -0 "$pid" 2> /dev/null || break; sleep .1; done
    fi
    rm -f "$D/$1.pid"
}

stop() {
    if [ -s "$D/slurmctld.pid" ] && kill -0 "$(cat "$D/slurmctld.pid")" 2> /dev/null; then
        timeout 5 scancel -u "$(id -un)" || true
        for _ in $(seq 60); do [ -z "$(timeout 5 squeue -h)" ] && break; sleep 1; done
    fi
    for step in $(pgrep -x slurmstepd); do # of ours: it would wait for its controller for ever
        if readlink "/proc/$step"/fd/* 2> /dev/null | grep -q "^$D/"; then kill -9 "$step"; fi
    done
    for daemon in slurmd slurmctld munged; do end $daemon; done
}

configure() {
    cat > "$SLURM_CONF" <<X_END
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=16817
SlurmdPort=16818
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$D/munge.sock
CryptoType=crypto/munge
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=$plugin
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=1024
EnforcePartLimits=ALL
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
ReturnToService=2
InactiveLimit=0
KillWait=30
OverTimeLimit=0
MinJobAge=300
MaxArraySize=1001
StateSaveLocation=$D/state
SlurmdSpoolDir=$D/spool
SlurmctldPidFile=$D/slurmctld.pid
SlurmdPidFile=$D/slurmd.pid
SlurmctldLogFile=$D/slurmctld.log
SlurmdLogFile=$D/slurmd.log
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=$CPUS RealMemory=$MEMORY Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
X_END
    echo "NodeName=$host Name=gpu File=/dev/null" > "$D/gres.conf" # asked for and granted, but nothing computes on it
    printf 'CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nConstrainRAMSpace=%s\n' $ram > "$D/cgroup.conf"
}

await() {
    for _ in $(seq 60); do
        if [ "$(sinfo -h -p main -o %t 2> /dev/null | head -c 3)" != "" ] && ! sinfo -h -p main -o %t | grep -q -E 'down|unk|drain'; then return; fi
        sleep .5
    done
    echo "Slurm did not come up; see $D/*.log" >&2
    tail -5 "$D"/*.log >&2
    return 1
}

start() {
    command -v slurmctld > /dev/null && command -v slurmd > /dev/null && command -v sbatch > /dev/null || {
        apt-get update -qq -o DPkg::Lock::Timeout=300
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends slurmctld slurmd slurm-client munge > /dev/null
    }
    mkdir -p "$D"/{state,spool,munge}
    chmod 755 "$D"
    chmod 700 "$D/munge"
    [ -s "$D/munge/key" ] || { head -c 128 /dev/urandom > "$D/munge/key"; chmod 600 "$D/munge/key"; }
    configure
    munged --force --key-file="$D/munge/key" --socket="$D/munge.sock" --pid-file="$D/munged.pid" \
        --log-file="$D/munged.log" --seed-file="$D/munge/seed" --num-threads=2
    slurmctld -c
    slurmd
    await
}

# The scheduler alone, with its state: what an upgrade or a crash of the head node does.
restart() {
    end slurmctld
    sleep "${DOWN_SECONDS:-5}"
    slurmctld
    await
}

case ${1:-} in
    start) stop; start ;;
    restart) restart ;;
    stop) stop ;;
    *) sed -n 4p "$0" >&2; exit 2 ;;
esac
