// Command cabundle checks a file of RDS's certificate authorities before it is
// built into a function:
//
//	go run ./local/cabundle [-least N] FILE
//
// AWS replaces the file at its own pace and signs it with nothing, so there is
// no digest to hold it against. What can be told is told: that it is whole, that
// it holds authorities and nothing else, that each is the very certificate that
// its own key signed, and that those which RDS serves from today are among
// them. That the authorities are RDS's own rests on the TLS of the download.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	least := flag.Int("least", 1, "how many certificates there must be")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: go run ./local/cabundle [-least N] FILE")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *least); err != nil {
		fmt.Fprintf(os.Stderr, "cabundle: %v\n", err)
		os.Exit(1)
	}
}

func run(path string, least int) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	count, err := check(data, least, time.Now())
	if err != nil {
		return fmt.Errorf("checking %s: %w", path, err)
	}
	fmt.Printf("%s holds %d authorities of RDS\n", path, count)
	return nil
}
