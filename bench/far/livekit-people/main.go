package main

// People for rooms of LiveKit's, by LiveKit's library for Go: they say packets of Opus that they are given, and keep each packet of the agents' tracks with when
// it came. Nothing is decoded or encoded, so that many of them fit beside what they measure.
//
// It is asked by lines of JSON on standard input, and answers each with one on standard output: {"id": 1} or {"id": 1, "error": "…"}.

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// The length of each packet that is said.
const packetLength = 20 * time.Millisecond

// How late this process may be with a packet until it counts as having stood still.
const stall = 20 * time.Millisecond

type request struct {
	ID   int `json:"id"`
	Clip *struct {
		Name    string   `json:"name"`
		Packets [][]byte `json:"packets"`
	} `json:"clip"`
	Join *struct {
		Person int    `json:"person"`
		URL    string `json:"url"`
		Token  string `json:"token"`
		// The clip that is said over and over while there is nothing else to say.
		Hum string `json:"hum"`
		// Where the agents' packets are kept.
		Log string `json:"log"`
	} `json:"join"`
	Say *struct {
		Person int    `json:"person"`
		Clip   string `json:"clip"`
	} `json:"say"`
	Leave *struct {
		Person int `json:"person"`
	} `json:"leave"`
	// How late the clock of all microphones was since it was asked last.
	Pace bool `json:"pace"`
}

type answer struct {
	ID     int     `json:"id"`
	Error  string  `json:"error,omitempty"`
	Stalls int     `json:"stalls"`
	MaxMs  float64 `json:"maxMs"`
}

type person struct {
	room  *lksdk.Room
	track *lksdk.LocalTrack
	hum   [][]byte
	at    int
	// Packets that are said before the hum goes on.
	words [][]byte

	file *os.File
	log  *bufio.Writer
	lock sync.Mutex
}

var (
	began = time.Now()
	clips = map[string][][]byte{}
	// Guards what follows.
	lock   sync.Mutex
	people = map[int]*person{}
	stalls int
	worst  time.Duration
)

func main() {
	lksdk.SetLogger(logger.GetDiscardLogger())
	go speak()
	in := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	var writing sync.Mutex
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			os.Exit(0)
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if clip := asked.Clip; clip != nil {
			clips[clip.Name] = clip.Packets
		}
		go func() {
			said := answer{ID: asked.ID}
			if asked.Pace {
				lock.Lock()
				said.Stalls, said.MaxMs = stalls, float64(worst.Microseconds())/1000
				stalls, worst = 0, 0
				lock.Unlock()
			}
			if err := do(asked); err != nil {
				said.Error = err.Error()
			}
			writing.Lock()
			defer writing.Unlock()
			_ = out.Encode(said)
		}()
	}
}

func do(asked request) error {
	if asked.Join != nil {
		return join(asked)
	}
	lock.Lock()
	defer lock.Unlock()
	if say := asked.Say; say != nil {
		one := people[say.Person]
		if one == nil {
			return errors.New("nobody of this number is in a room")
		}
		one.words = append([][]byte{}, clips[say.Clip]...)
	}
	if leave := asked.Leave; leave != nil {
		one := people[leave.Person]
		if one == nil {
			return errors.New("nobody of this number is in a room")
		}
		delete(people, leave.Person)
		go one.room.Disconnect()
		one.lock.Lock()
		defer one.lock.Unlock()
		err := one.log.Flush()
		one.log = nil
		return errors.Join(err, one.file.Close())
	}
	return nil
}

func join(asked request) error {
	o := asked.Join
	file, err := os.Create(o.Log)
	if err != nil {
		return err
	}
	one := &person{hum: clips[o.Hum], file: file, log: bufio.NewWriterSize(file, 1<<16)}
	room, err := lksdk.ConnectToRoomWithToken(o.URL, o.Token, &lksdk.RoomCallback{
		ParticipantCallback: lksdk.ParticipantCallback{
			OnTrackPublished: func(publication *lksdk.RemoteTrackPublication, who *lksdk.RemoteParticipant) {
				if who.Kind() == lksdk.ParticipantAgent {
					_ = publication.SetSubscribed(true)
				}
			},
			OnTrackSubscribed: func(track *webrtc.TrackRemote, _ *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
				go one.hear(track)
			},
		},
	}, lksdk.WithAutoSubscribe(false))
	if err != nil {
		return err
	}
	one.room = room
	one.track, err = lksdk.NewLocalTrack(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2})
	if err != nil {
		return err
	}
	options := lksdk.TrackPublicationOptions{Name: "microphone", Source: livekit.TrackSource_MICROPHONE}
	if _, err = room.LocalParticipant.PublishTrack(one.track, &options); err != nil {
		return err
	}
	lock.Lock()
	defer lock.Unlock()
	people[o.Person] = one
	return nil
}

// All microphones on one clock, which makes up for what it was late by.
func speak() {
	due := time.Now()
	for {
		due = due.Add(packetLength)
		time.Sleep(time.Until(due))
		late := time.Since(due)
		lock.Lock()
		if late > stall {
			stalls++
		}
		worst = max(worst, late)
		for _, one := range people {
			if payload := one.next(); payload != nil {
				_ = one.track.WriteSample(media.Sample{Data: payload, Duration: packetLength}, nil)
			}
		}
		lock.Unlock()
	}
}

func (p *person) next() []byte {
	if len(p.words) > 0 {
		payload := p.words[0]
		p.words = p.words[1:]
		return payload
	}
	if len(p.hum) == 0 {
		return nil
	}
	p.at = (p.at + 1) % len(p.hum)
	return p.hum[p.at]
}

// Of each packet: when it came, ms since 1970; its stream, sequence number and timestamp; its payload's length; its payload. Little endian.
func (p *person) hear(track *webrtc.TrackRemote) {
	header := make([]byte, 20)
	since := float64(began.UnixNano()) / 1e6
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		at := since + float64(time.Since(began).Nanoseconds())/1e6
		binary.LittleEndian.PutUint64(header, math.Float64bits(at))
		binary.LittleEndian.PutUint32(header[8:], packet.SSRC)
		binary.LittleEndian.PutUint16(header[12:], packet.SequenceNumber)
		binary.LittleEndian.PutUint32(header[14:], packet.Timestamp)
		binary.LittleEndian.PutUint16(header[18:], uint16(len(packet.Payload)))
		p.lock.Lock()
		if p.log != nil {
			_, _ = p.log.Write(header)
			_, _ = p.log.Write(packet.Payload)
		}
		p.lock.Unlock()
	}
}
