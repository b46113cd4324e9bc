package object

// S3's rules for multipart uploads (S3 User Guide, "Amazon S3 multipart upload
// limits").
const (
	minPart  = 5 << 20
	maxPart  = 5 << 30
	maxParts = 10_000
)

// growth is after how many parts the part size grows by one buffer.
const growth = 1_000

// partSize returns the size of part number n, from 1, for buffers of the given
// size. It grows in ten steps to ten times the first size, and stays a multiple
// of it, so that buffers serve parts of every size.
func partSize(n int, buffer int64) int64 {
	return buffer * int64(1+(n-1)/growth)
}

// maxOutput is the longest output that buffers of the given size can carry:
// 430 GiB with 8 MiB, more than a Lambda function can write in its 15 minutes.
// Faster growth would reach further, at the price of memory that depends on the
// size of the output.
func maxOutput(buffer int64) int64 {
	var total int64
	for n := 1; n <= maxParts; n += growth {
		total += growth * partSize(n, buffer)
	}
	return total
}
