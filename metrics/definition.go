package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// prefix is what the name of every metric of ours begins with.
const prefix = "tenantpool_"

// metric is what a metric is called and means. docs/metrics.md lists them all.
type metric struct {
	name   string // without prefix
	kind   kind
	help   string // with the unit, if it is not in the name
	labels []string
	desc   *prometheus.Desc
}

type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

func (k kind) value() prometheus.ValueType {
	if k == counter {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}

// defined are all metrics of ours, in the order of the documentation.
var defined []*metric

func define(k kind, name, help string, labels ...string) *metric {
	m := &metric{name, k, help, labels, prometheus.NewDesc(prefix+name, help, labels, nil)}
	defined = append(defined, m)
	return m
}

// sample makes one value of m; values are those of its labels.
func (m *metric) sample(v float64, values ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(m.desc, m.kind.value(), v, values...)
}

// series is one value of a metric that is read from a T. fixed are the values of
// the labels behind the first, which names the T.
type series[T any] struct {
	of    *metric
	fixed []string
	value func(*T) float64
}

func (s series[T]) sample(from *T, name string) prometheus.Metric {
	return s.of.sample(s.value(from), append([]string{name}, s.fixed...)...)
}
