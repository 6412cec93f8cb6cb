#!/usr/bin/env bash
# A Slurm of two nodes on this machine's loopback, for trying profiles/slurm without a cluster (make slurm).
#
#   bash setup/slurm.sh up FOLDER      start controller, two node daemons and munge; prints what to export
#   bash setup/slurm.sh down FOLDER    stop them
#   bash setup/slurm.sh node FOLDER N  start the daemon of node N (1 or 2) again
#
# Needs root and Debian's slurm-wlm and munge; no systemd, no database. State and logs stand in FOLDER.
set -euo pipefail
action=${1:?up, down or node} place=$(realpath -m "${2:?a folder for state and logs}")
conf=$place/slurm.conf
export SLURM_CONF=$conf

missing() {
    local need=()
    { command -v slurmctld && command -v slurmd && command -v sbatch; } >/dev/null || need+=(slurm-wlm)
    command -v munged >/dev/null || need+=(munge)
    [ ${#need[@]} = 0 ] || { echo "missing: ${need[*]}; apt-get install -y --no-install-recommends ${need[*]}" >&2; exit 1; }
    [ "$(id -u)" = 0 ] || { echo "slurm.sh needs root: the daemons start jobs as their users" >&2; exit 1; }
}

authenticate() {
    munge -n 2>/dev/null | unmunge >/dev/null 2>&1 && return
    mkdir -p /run/munge /var/lib/munge /var/log/munge /etc/munge
    [ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1 count=1024 status=none
    chown -R munge: /run/munge /var/lib/munge /var/log/munge /etc/munge
    chmod 755 /run/munge
    chmod 400 /etc/munge/munge.key
    runuser -u munge -- "$(command -v munged)"
}

configure() {
    local host memory
    host=$(hostname -s)
    memory=$(($(free -m | awk '/Mem:/ {print $2}') / 2 - 1024))
    mkdir -p "$place/state" "$place/log" "$place/spool"
    cat >"$conf" <<END
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/spool/%n
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/slurmd-%n.pid
SlurmctldLogFile=$place/log/slurmctld.log
SlurmdLogFile=$place/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
SlurmdTimeout=20
SchedulerParameters=sched_interval=2,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/linux
JobCompType=jobcomp/filetxt
JobCompLoc=$place/log/jobs.txt
MpiDefault=none
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=16821 CPUs=$(($(nproc) / 2 > 0 ? $(nproc) / 2 : 1)) RealMemory=$memory State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=16822 CPUs=$(($(nproc) / 2 > 0 ? $(nproc) / 2 : 1)) RealMemory=$memory State=UNKNOWN
PartitionName=cpu Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
END
    # jobs start without SLURM_CONF, and look where an installed cluster has it
    if [ -e /etc/slurm/slurm.conf ] && [ ! -L /etc/slurm/slurm.conf ]; then
        echo "/etc/slurm/slurm.conf is there: this machine belongs to a cluster" >&2
        exit 1
    fi
    mkdir -p /etc/slurm
    ln -sfn "$conf" /etc/slurm/slurm.conf
}

node() {
    mkdir -p "$place/spool/n$1"
    slurmd -N "n$1" -f "$conf"
}

case $action in
    up)
        missing
        authenticate
        configure
        slurmctld -f "$conf"
        node 1
        node 2
        for _ in $(seq 100); do
            [ "$(sinfo -h -N -o %T | grep -c idle)" = 2 ] && { echo "SLURM_CONF=$conf"; exit; }
            sleep 0.2
        done
        sinfo -N >&2
        echo "no two idle nodes; see $place/log" >&2
        exit 1
        ;;
    node) node "${3:?1 or 2}" ;;
    down)
        scancel --user=root 2>/dev/null || true
        for daemon in slurmd-n1 slurmd-n2 slurmctld; do
            [ ! -f "$place/$daemon.pid" ] || kill "$(cat "$place/$daemon.pid")" 2>/dev/null || true
        done
        [ "$(readlink /etc/slurm/slurm.conf 2>/dev/null)" != "$conf" ] || rm /etc/slurm/slurm.conf
        ;;
    *) echo "unknown: $action" >&2; exit 2 ;;
esac
