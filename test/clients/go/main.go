// Does the operations on standard input, a JSON array, with Prometheus's client for Go.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
)

type operation struct {
	Op       string
	Job      string
	Grouping map[string]string
	Value    float64
}

func main() {
	log.SetFlags(0)
	url := os.Args[1]
	var operations []operation
	if err := json.NewDecoder(os.Stdin).Decode(&operations); err != nil {
		log.Fatal(err)
	}
	for _, step := range operations {
		pusher := push.New(url, step.Job).Gatherer(registry(step.Value))
		for name, value := range step.Grouping {
			pusher = pusher.Grouping(name, value)
		}
		do := map[string]func() error{"push": pusher.Push, "add": pusher.Add, "delete": pusher.Delete}[step.Op]
		if err := do(); err != nil {
			log.Fatalf("%v: %v", step, err)
		}
	}
}

func registry(value float64) *prometheus.Registry {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "client_gauge", Help: "Of Go."})
	gauge.Set(value)
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "client_counter_total", Help: "Of Go."}, []string{"a"})
	counter.WithLabelValues("x y").(prometheus.ExemplarAdder).AddWithExemplar(value, prometheus.Labels{"trace_id": "t1"})
	histogram := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "client_histogram", Help: "Of Go.", Buckets: []float64{1, 2.5}, NativeHistogramBucketFactor: 1.1,
	})
	histogram.Observe(value)
	summary := prometheus.NewSummary(prometheus.SummaryOpts{
		Name: "client_summary", Help: "Of Go.", Objectives: map[float64]float64{0.5: 0.05},
	})
	summary.Observe(value)
	registry := prometheus.NewRegistry()
	registry.MustRegister(gauge, counter, histogram, summary)
	return registry
}
