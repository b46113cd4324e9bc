package table

// Types lists the names in the type table.
func Types() []string {
	names := make([]string, 0, len(images)+len(sized))
	for name := range images {
		names = append(names, name)
	}
	for name := range sized {
		names = append(names, name)
	}
	return names
}
