// Produce a click, then subscribe until the recommendations that answer it arrive.
//
//	go run . -user ann -item i1 -login ../../.lifelong/application.toml
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// Login is what `lifelong up` writes about its broker and the login of applications.
type Login struct {
	Kafka struct {
		Bootstrap    string `toml:"bootstrap"`
		SaslUsername string `toml:"sasl_username"`
		SaslPassword string `toml:"sasl_password"`
	} `toml:"kafka"`
}

// Click is an event on `interactions`.
type Click struct {
	Type      string  `json:"type"`
	EventID   string  `json:"event_id"`
	UserID    string  `json:"user_id"`
	EventTime float64 `json:"event_time"`
	ItemID    string  `json:"item_id"`
}

// Recommendation holds the fields of a list that this program reads.
type Recommendation struct {
	TriggerEventIDs []string `json:"trigger_event_ids"`
	Slates          []struct {
		Items []struct {
			ItemID string `json:"item_id"`
		} `json:"items"`
	} `json:"slates"`
}

func main() {
	path := flag.String("login", ".lifelong/application.toml", "the file that `lifelong up` writes")
	prefix := flag.String("prefix", "", "the setting topics.prefix")
	user := flag.String("user", "ann", "whose click it is")
	item := flag.String("item", "i1", "what is clicked")
	wait := flag.Duration("wait", 30*time.Second, "how long to wait for the list")
	flag.Parse()

	client, err := connect(*path, *prefix+"recommendations")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), *wait)
	defer cancel()

	id, err := produce(ctx, client, *prefix+"interactions", *user, *item)
	if err != nil {
		log.Fatal(err)
	}
	made, err := subscribe(ctx, client, id)
	if err != nil {
		log.Fatalf("no list answered event %q within %s: see `lifelong status`", id, *wait)
	}
	for _, ranked := range made.Slates[0].Items {
		fmt.Println(ranked.ItemID)
	}
}

// connect makes a client that produces to any topic and consumes this one from its beginning. Its default partitioner
// hashes keys with Java's murmur2, so a user's events arrive at their owner without a forwarding hop.
func connect(path, topic string) (*kgo.Client, error) {
	var login Login
	if _, err := toml.DecodeFile(path, &login); err != nil {
		return nil, err
	}
	kafka := login.Kafka
	return kgo.NewClient(
		kgo.SeedBrokers(kafka.Bootstrap),
		kgo.SASL(plain.Auth{User: kafka.SaslUsername, Pass: kafka.SaslPassword}.AsMechanism()),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
}

// produce sends a click, keyed by user, and waits until the broker has it.
func produce(ctx context.Context, client *kgo.Client, topic, user, item string) (string, error) {
	id := rand.Text()
	now := float64(time.Now().UnixMilli()) / 1000
	value, err := json.Marshal(Click{Type: "click", EventID: id, UserID: user, EventTime: now, ItemID: item})
	if err != nil {
		return "", err
	}
	record := &kgo.Record{Topic: topic, Key: []byte(user), Value: value}
	return id, client.ProduceSync(ctx, record).FirstErr()
}

// subscribe returns the list that names this event among its triggers.
func subscribe(ctx context.Context, client *kgo.Client, id string) (*Recommendation, error) {
	for {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, record := range fetches.Records() {
			var made Recommendation
			if len(record.Value) == 0 || json.Unmarshal(record.Value, &made) != nil {
				continue
			}
			if slices.Contains(made.TriggerEventIDs, id) {
				return &made, nil
			}
		}
	}
}
