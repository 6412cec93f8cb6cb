// Package xinstructend runs a program's own main or its tests and prints the nonce when they came to their end. It is a
// package of its own, initialised before the program's, and its names are out of the program's reach.
package xinstructend

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

var nonce = take()

func take() string {
	text, _ := os.ReadFile("plan.json")
	os.Remove("plan.json")
	return string(text)
}

// check ends the process unless our own main, which the runtime called, is the caller of our caller.
func check() {
	pcs := make([]uintptr, 8)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	first, _ := frames.Next()
	second, _ := frames.Next()
	if first.Function != "main.main" || second.Function != "runtime.main" {
		os.Exit(1)
	}
}

func end(fine bool) {
	if !fine {
		fmt.Fprintln(os.Stderr, "error: a test failed, or did not come to its end")
		os.Exit(1)
	}
	data := []byte("\n" + nonce + "\tend\n")
	if done, _ := syscall.Write(1, data); done < len(data) {
		os.Exit(70)
	}
	os.Exit(0)
}

// Program runs the program's main: it must return.
func Program(main func()) {
	check()
	main()
	end(true)
}

// Tests runs all tests: none may fail, and each must return.
func Tests(tests []testing.InternalTest) {
	check()
	testing.Init()
	if err := flag.CommandLine.Parse(nil); err != nil {
		end(false)
	}
	var ended []string
	for i, test := range tests {
		run := test.F
		tests[i].F = func(t *testing.T) {
			run(t)
			ended = append(ended, t.Name())
		}
	}
	all := func(string, string) (bool, error) { return true, nil }
	passed := testing.RunTests(all, tests)
	for _, test := range tests {
		passed = passed && strings.Count("\n"+strings.Join(ended, "\n")+"\n", "\n"+test.Name+"\n") == 1
	}
	end(passed && len(tests) > 0)
}
