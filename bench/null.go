package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// nullS3 is to extract what /dev/null is to psql: it takes every byte of what
// is written over HTTP, counts it and drops it, so that what is measured is
// extract, and not a disk and a server that share its two cores. It knows the
// requests that extract makes and answers any other with 501.
type nullS3 struct {
	listener net.Listener
	server   *http.Server
}

func startNullS3(ctx context.Context) (*nullS3, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n := &nullS3{listener: listener}
	n.server = &http.Server{Handler: n, ReadHeaderTimeout: time.Minute}
	go func() { _ = n.server.Serve(listener) }() // ends with Close
	return n, nil
}

func (n *nullS3) endpoint() string { return "http://" + n.listener.Addr().String() }
func (n *nullS3) close() error     { return n.server.Close() }

// ServeHTTP answers as S3 does to somebody whose every request succeeds.
func (n *nullS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodPut:
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("ETag", `"00000000000000000000000000000000"`)
		w.Header().Set("x-amz-checksum-crc32c", r.Header.Get("x-amz-checksum-crc32c"))
	case r.Method == http.MethodGet && query.Has("uploads"):
		answer(w, struct {
			XMLName xml.Name `xml:"ListMultipartUploadsResult"`
			Bucket  string
		}{Bucket: bucket})
	case r.Method == http.MethodPost && query.Has("uploads"):
		answer(w, struct {
			XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
			Bucket, Key, UploadId string
		}{Bucket: bucket, Key: key, UploadId: "upload"})
	case r.Method == http.MethodPost && query.Has("uploadId"):
		answer(w, struct {
			XMLName           xml.Name `xml:"CompleteMultipartUploadResult"`
			Bucket, Key, ETag string
			ChecksumCRC32C    string
			ChecksumType      string
		}{Bucket: bucket, Key: key, ETag: `"00000000000000000000000000000000-1"`, ChecksumCRC32C: r.Header.Get("x-amz-checksum-crc32c"), ChecksumType: "FULL_OBJECT"})
	default:
		w.WriteHeader(http.StatusNotImplemented)
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/xml")
	if err := xml.NewEncoder(w).Encode(v); err != nil {
		fmt.Println("bench: answering:", err)
	}
}
