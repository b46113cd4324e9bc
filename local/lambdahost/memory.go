package lambdahost

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memoryOf returns what a process holds in memory now and at its most, in
// bytes; zero where the system does not tell, which is everywhere but on Linux,
// and for a process that has ended. The rusage of an ended process is no
// substitute: it may count the memory of the parent that it was forked from.
func memoryOf(pid int) (now, peak int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	return statusBytes(string(status), "VmRSS:"), statusBytes(string(status), "VmHWM:")
}

func statusBytes(status, field string) int64 {
	_, rest, _ := strings.Cut(status, "\n"+field)
	line, _, _ := strings.Cut(rest, "\n")
	kB, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 10, 64)
	if err != nil {
		return 0
	}
	return kB << 10
}
