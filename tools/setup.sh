#!/bin/sh
# Set-up of a checkout: a virtual environment in .venv, and ngspice. Safe to call again; then it is quick.
#
#   sh tools/setup.sh            both of the following
#   sh tools/setup.sh python     .venv with the versions of constraints.txt
#   sh tools/setup.sh ngspice    ngspice from the distribution; without root unpacked into .ngspice
#   sh tools/setup.sh unpack     ngspice unpacked into .ngspice, whatever the system has
#
# PYTHON=/path/to/python3 chooses the interpreter. Messages of pip and apt-get go to .venv/setup.log.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root"
log=.venv/setup.log
stamp=.venv/setup.stamp
prefix=$root/.ngspice
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore PIP_USER=0

say() { printf 'setup: %s\n' "$*"; }
fail() { # what, remedy
    printf 'setup: FAILED: %s; remedy: %s\n' "$1" "$2" >&2
    exit 1
}
logged() { # run a command with its messages in the log
    printf '\n$ %s\n' "$*" >>"$log"
    "$@" >>"$log" 2>&1 </dev/null
}
show_log() {
    printf '%s\n' "--- last lines of $log ---" >&2
    tail -n 15 "$log" >&2
    printf '%s\n' '---' >&2
}

# ---------------------------------------------------------------------------------- system packages
become='' # how apt-get is called with the rights to install: nothing (root), sudo, or "no"
find_rights() {
    if ! command -v apt-get >/dev/null 2>&1; then
        become=no
    elif [ "$(id -u)" = 0 ]; then
        become=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
        become='sudo -n env DEBIAN_FRONTEND=noninteractive'
    else
        become=no
    fi
}
system_install() { # packages; 1 if there are no rights or apt-get fails
    find_rights
    [ "$become" != no ] || return 1
    say "apt-get install $*"
    wait_lock='-o DPkg::Lock::Timeout=120'
    # shellcheck disable=SC2086
    logged $become apt-get $wait_lock install -y --no-install-recommends "$@" && return 0
    # shellcheck disable=SC2086
    logged $become apt-get $wait_lock update || true
    # shellcheck disable=SC2086
    logged $become apt-get $wait_lock install -y --no-install-recommends "$@"
}

# ------------------------------------------------------------------------------------------- Python
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
with_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
find_python() { # prints the first usable interpreter
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
        if new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}
choose_python() { # sets $python; installs what the distribution split off
    if ! python=$(find_python); then
        system_install python3 python3-venv || true
        find_python >/dev/null || system_install python3.12 python3.12-venv || system_install python3.11 python3.11-venv || true
        python=$(find_python) || fail 'no Python 3.11 or newer' \
            'apt-get install python3 python3-venv (or python3.12 python3.12-venv), or PYTHON=/path/to/python3'
    fi
    with_venv "$python" && return 0
    name=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
    system_install "$name" || system_install python3-venv || true
    with_venv "$python" || fail "$python cannot make a virtual environment" \
        "apt-get install $name as root, or PYTHON=/path/to/a python3 with venv"
}
fingerprint() { # of everything that decides what is in .venv
    {
        printf '%s\n' "$root"
        cat pyproject.toml constraints.txt tools/setup.sh
    } | { sha256sum 2>/dev/null || shasum -a 256; } | cut -d ' ' -f 1
}
pip_install() { # what it is, pip arguments
    what=$1
    shift
    logged .venv/bin/python -m pip install -c constraints.txt "$@" && return 0
    show_log
    fail "$what could not be installed" "see $log; check the network and the free disk space (5 GB), then call again"
}
setup_python() {
    if [ -x .venv/bin/spinbnn ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ] \
        && .venv/bin/python -c '' >/dev/null 2>&1; then
        return 0
    fi
    mkdir -p .venv
    : >>"$log"
    # a .venv that was moved or copied, or whose interpreter is gone, is made anew
    if ! { grep -qF "$root/.venv" .venv/bin/activate && .venv/bin/python -m pip --version; } >/dev/null 2>&1; then
        choose_python
        say "virtual environment .venv with $("$python" --version)"
        if ! logged "$python" -m venv --clear .venv; then
            show_log
            fail 'the virtual environment could not be made' "see $log"
        fi
        : >>"$log"
    fi
    rm -f "$stamp"
    torch=$(sed -n 's/^torch==/torch==/p' constraints.txt)
    say "installing $torch"
    pip_install "$torch" "$torch" # first and with its version: a plain "torch" may draw another build of it
    say 'installing spinbnn and the versions of constraints.txt'
    pip_install 'a package' -e '.[all,dev]'
    fingerprint >"$stamp"
    say 'Python is ready'
}

# ------------------------------------------------------------------------------------------ ngspice
library_in() { # folders; prints the first libngspice in them or in their multi-arch subfolders
    for folder in "$@"; do
        for file in "$folder"/libngspice.so* "$folder"/*-linux-gnu*/libngspice.so* "$folder"/libngspice*.dylib; do
            if [ -f "$file" ]; then
                printf '%s\n' "$file"
                return 0
            fi
        done
    done
    return 1
}
have_system_ngspice() { # the program and the library, where spinbnn looks for them
    [ -z "${SPINBNN_NGSPICE:-}" ] || return 0
    ngspice --version >/dev/null 2>&1 </dev/null || return 1
    [ -z "${NGSPICE_LIBRARY_PATH:-}" ] || return 0
    old_ifs=$IFS
    IFS=:
    # shellcheck disable=SC2086
    set -- ${LD_LIBRARY_PATH:-}
    IFS=$old_ifs
    library_in "$@" /usr/lib /usr/local/lib /usr/lib64 /opt/homebrew/lib /opt/local/lib >/dev/null && return 0
    PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | grep -q 'libngspice\.so'
}
have_unpacked_ngspice() {
    [ "$(cat "$prefix/prefix" 2>/dev/null)" = "$prefix" ] && library_in "$prefix/usr/lib" >/dev/null \
        && "$prefix/usr/bin/ngspice" --version >/dev/null 2>&1 </dev/null
}
own_apt() { # apt-get with lists and cache of its own: works without root and without system lists
    apt-get -o Dir::State="$prefix/apt/state" -o Dir::State::status=/var/lib/dpkg/status \
        -o Dir::Cache="$prefix/apt/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=root "$@"
}
download() { # apt-get variant; the packages, and of those they need the ones this machine lacks
    simulated=$("$1" -s install --no-install-recommends ngspice libngspice0 2>>"$log" </dev/null) || return 1
    # "Inst NAME (VERSION ..." is new; "Inst NAME [OLD] (..." is an upgrade, which is not needed here
    needed=$(printf '%s\n' "$simulated" | sed -n 's/^Inst \([^ ]*\) (.*/\1/p' | sort -u)
    rm -rf "$prefix/deb"
    mkdir -p "$prefix/deb"
    # shellcheck disable=SC2086
    (cd "$prefix/deb" && "$1" download $(printf '%s\n' ngspice libngspice0 $needed | sort -u)) >>"$log" 2>&1 </dev/null
}
wrap_program() { # its window half needs libraries that may stand in the prefix only
    mv "$prefix/usr/bin/ngspice" "$prefix/usr/bin/ngspice.program" || return 1
    cat >"$prefix/usr/bin/ngspice" <<'WRAPPER'
#!/bin/sh
# Start the unpacked ngspice with the libraries and start-up files beside it.
usr=$(CDPATH='' cd -- "${0%/*}/.." && pwd -P)
for folder in "$usr"/lib/*-linux-gnu* "$usr"/../lib/*-linux-gnu*; do
    if [ -d "$folder" ]; then
        LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
    fi
done
SPICE_LIB_DIR=${SPICE_LIB_DIR:-$usr/share/ngspice}
export LD_LIBRARY_PATH SPICE_LIB_DIR
exec "$usr/bin/ngspice.program" "$@"
WRAPPER
    chmod 755 "$prefix/usr/bin/ngspice"
}
unpack_ngspice() { # 1 if it cannot be done
    command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 || return 1
    rm -rf "$prefix"
    mkdir -p "$prefix/apt/state/lists/partial" "$prefix/apt/cache/archives/partial"
    printf '\n$ unpack ngspice into .ngspice\n' >>"$log"
    if ! download apt-get; then
        logged own_apt update || return 1
        download own_apt || return 1
    fi
    for file in "$prefix"/deb/*.deb; do
        logged dpkg -x "$file" "$prefix" || return 1
    done
    rm -rf "$prefix/deb" "$prefix/apt"
    [ -x "$prefix/usr/bin/ngspice" ] || return 1
    spinit=$prefix/usr/share/ngspice/scripts/spinit
    # the packaged start-up file names the code models of the system, and asks for many spinning threads
    sed -e "s#^\\([[:space:]]*\\(codemodel\\|osdi\\)[[:space:]]*\\)/usr/#\\1$prefix/usr/#" \
        -e 's/^\*\{0,1\}set num_threads=.*/set num_threads=1/' "$spinit" >"$spinit.new" || return 1
    mv "$spinit.new" "$spinit" || return 1
    wrap_program || return 1
    printf '%s\n' "$prefix" >"$prefix/prefix"
    logged "$prefix/usr/bin/ngspice" --version
}
no_ngspice() {
    show_log
    fail 'ngspice could not be installed' \
        'as root: apt-get install ngspice libngspice0; or set SPINBNN_NGSPICE to the folder of an unpacked one'
}
setup_ngspice() {
    if have_system_ngspice || have_unpacked_ngspice; then
        return 0
    fi
    mkdir -p .venv
    : >>"$log"
    if system_install ngspice libngspice0 && have_system_ngspice; then
        return 0
    fi
    say 'unpacking ngspice into .ngspice (no root needed)'
    unpack_ngspice || no_ngspice
}

case ${1:-all} in
    all)
        setup_python
        setup_ngspice
        ;;
    python) setup_python ;;
    ngspice) setup_ngspice ;;
    unpack)
        mkdir -p .venv
        say 'unpacking ngspice into .ngspice'
        unpack_ngspice || no_ngspice
        ;;
    *) fail "unknown part '$1'" 'sh tools/setup.sh [all|python|ngspice|unpack]' ;;
esac
