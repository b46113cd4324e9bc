//go:build !careless

package postgres

// protected is false in builds with the tag careless, which neither lock what they
// read nor look whether it is still the same. They show that a storm finds what is
// lost without (package local/storm).
const protected = true
