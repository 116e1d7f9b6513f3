// Demo answers HTTP on :8080 with the pod and node that served the request and the client it saw.
//
// It exists so that a fresh cluster has something to serve and the gates something to ask. Paths:
//
//	/         who served it, for people and for the gates
//	/healthz  ok, for probes
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// drain is how long open requests may take after SIGTERM, below Kubernetes' default grace period of 30 s.
const drain = 10 * time.Second

func who(pod, node string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Served-By", pod)
		forwarded := r.Header.Get("X-Forwarded-For")
		fmt.Fprintf(w, "pod: %s\nnode: %s\nclient: %s\nforwarded for: %s\n", pod, node, r.RemoteAddr, forwarded)
	}
}

func main() {
	pod, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", who(pod, os.Getenv("NODE_NAME")))
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		<-stopped.Done()
		last, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		if err := server.Shutdown(last); err != nil {
			log.Print(err)
		}
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	<-drained
}
