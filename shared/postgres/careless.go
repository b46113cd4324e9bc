//go:build careless

package postgres

const protected = false
