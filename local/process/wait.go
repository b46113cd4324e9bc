package process

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// awaitExit returns when the child has ended, and leaves it uncollected, so
// that its pid stays taken. waitid(2) has no wrapper in the standard library.
func awaitExit(pid int) error {
	const (
		onePid = 1 // P_PID
		code   = 2 // index of si_code, after si_signo and si_errno
		dumped = 3 // CLD_DUMPED, the last of the codes that mean an end
	)
	for {
		var info [32]int32 // siginfo_t: 128 bytes on Linux, 104 on macOS
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, onePid, uintptr(pid),
			uintptr(unsafe.Pointer(&info)), syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		switch {
		case errors.Is(errno, syscall.EINTR):
		case errno != 0:
			return os.NewSyscallError("waitid", errno)
		case info[code] > dumped:
			// macOS reports a stopped child too, whatever was asked for.
			time.Sleep(100 * time.Millisecond)
		default:
			return nil
		}
	}
}
