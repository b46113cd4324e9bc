package process

// shell runs the reaper and the launcher. Both are POSIX: dash and bash 3.2
// (macOS) read them.
const shell = "/bin/sh"

// reaperScript reads "pid N", "gone N" and "bye" from its standard input and
// gets the group's root as $1. A line that was cut off by our death is ignored.
// Every pid leads a process group of the same number, and the whole group is
// signalled. What has ended is dropped at once, lest its number be used again.
const reaperScript = `
trap '' HUP INT QUIT TERM
pids=' '
while IFS= read -r line; do
	case $line in
	pid\ *) pids="$pids${line#pid } " ;;
	gone\ *)
		n=" ${line#gone } "
		case $pids in
		*"$n"*) pids="${pids%%"$n"*} ${pids#*"$n"}" ;;
		esac ;;
	bye) exit 0 ;;
	esac
done
for p in $pids; do kill -s INT -- "-$p" 2>/dev/null; done
tries=0
while [ -n "$pids" ] && [ "$tries" -lt 20 ]; do
	left=
	for p in $pids; do
		if kill -s 0 -- "-$p" 2>/dev/null; then left="$left $p"; fi
	done
	pids=$left
	if [ -n "$pids" ]; then sleep 0.1; fi
	tries=$((tries + 1))
done
for p in $pids; do kill -s KILL -- "-$p" 2>/dev/null; done
for again in 1 2 3 4 5; do
	rm -rf -- "$1" 2>/dev/null && break
	sleep 0.2
done
`

// launcher tells the reaper its own pid, closes the pipe and becomes the
// program. A pid written by us after the start would leave a moment in which
// our death goes unnoticed by a process that already runs.
const launcher = `printf 'pid %s\n' "$$" >&3 && exec 3>&- "$@"`
