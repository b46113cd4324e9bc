package object

// WriterOptions go with a Writer. The zero value will do.
type WriterOptions struct {
	Headers
	// Tags ask for the right s3:PutObjectTagging.
	Tags map[string]string
	// IfAbsent makes Close fail with ErrExists if the object exists by then.
	IfAbsent bool
	// Concurrency is how many parts are in flight at most; 0 means 2.
	Concurrency int
	// Buffers are used in place of the Store's own.
	Buffers *Buffers
}

// Result describes the object that a Writer has written.
type Result struct {
	Size      int64
	ETag      string
	VersionID string
	// CRC32C is the checksum of the whole object in base64.
	CRC32C string
	// Parts is how many parts the object was sent in; 1 for a single request.
	Parts int
}
