// Command raw speaks the Runtime API by itself and answers its second
// invocation with what the host said to everything that it did wrong.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

var base = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"

func main() {
	if os.Getenv("INIT") == "post" {
		post("init/error", `{"errorType":"Setup.Broken","errorMessage":"no bucket"}`)
		os.Exit(1)
	}
	var seen []string
	id := next()
	seen = append(seen,
		"wrong id: "+post("invocation/other/response", "1"),
		"poll without answer: "+get("invocation/next"),
		"answer: "+post("invocation/"+id+"/response", `"first"`),
		"second answer: "+post("invocation/"+id+"/error", `{}`),
	)
	id = next()
	post("invocation/"+id+"/response", strings.Join(seen, "\n"))
	id = next()
	post("invocation/"+id+"/error", "not JSON")
	next()
}

func next() string {
	response, err := http.Get(base + "invocation/next")
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Header.Get("Lambda-Runtime-Aws-Request-Id")
}

func get(path string) string {
	response, err := http.Get(base + path)
	return text(response, err)
}

func post(path, body string) string {
	response, err := http.Post(base+path, "application/json", strings.NewReader(body))
	return text(response, err)
}

func text(response *http.Response, err error) string {
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s", response.StatusCode, strings.TrimSpace(string(body)))
}
