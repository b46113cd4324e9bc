// Command decode reads routes, a document of JSON on each line, and prints for
// each what load says of it: nothing, or why it is refused.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/stagelift/stagelift/shared/load"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		said := ""
		if _, err := load.DecodeRoutes(lines.Bytes()); err != nil {
			said = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		_, _ = fmt.Fprintln(os.Stdout, said)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
