// What the recorded viewers do. One line is one viewer; positions are shares of the media's length,
// so that each script is played with media of several lengths.
//
//   play | pause       as the viewer presses the button
//   until 0.3          until the picture has reached 30 % of the media
//   seek 0.6           jump to 60 %
//   wait 5             five seconds pass
//   stall 4            until playback runs dry at a hold; four seconds later the bytes come again
//   ended | failed     until the player says so
//   leave | close      go to another page | close the tab
//
// `kind` is what the simulator mixes by; `network` is explained in media_server.mjs.

const script = (kind, steps, network = {}) => ({ kind, steps: steps.split("; "), network });

export const SCRIPTS = [
  script("full", "play; ended; leave", { delayMs: 60 }),
  script("full", "play; ended; wait 2; leave", { delayMs: 350 }),
  script("full", "wait 1; play; ended; close", { delayMs: 900 }),
  script("full", "play; ended; play; until 0.2; leave", { delayMs: 120 }),

  script("early_exit", "play; until 0.04; leave", { delayMs: 40 }),
  script("early_exit", "play; until 0.12; leave", { delayMs: 200 }),
  script("early_exit", "play; until 0.25; close", { delayMs: 90 }),
  script("early_exit", "play; until 0.45; leave", { delayMs: 500 }),
  script("early_exit", "play; until 0.7; close", { delayMs: 150 }),
  script("early_exit", "wait 2; play; until 0.92; leave", { delayMs: 30 }),

  script("pause", "play; until 0.3; pause; wait 5; play; ended; leave", { delayMs: 80 }),
  script("pause", "play; until 0.2; pause; wait 3; play; until 0.5; pause; wait 8; play; until 0.8; leave"),
  script("pause", "play; until 0.4; pause; wait 6; leave", { delayMs: 250 }),

  script("seek", "play; until 0.15; seek 0.6; until 0.9; leave", { delayMs: 60 }),
  script("seek", "play; until 0.5; seek 0.1; until 0.4; close", { delayMs: 110 }),
  script("seek", "play; until 0.1; seek 0.3; until 0.4; seek 0.8; ended; leave", { delayMs: 600, rate: 1.5 }),
  script("seek", "play; until 0.2; pause; seek 0.5; wait 2; play; until 0.75; leave"),
  script("seek", "play; until 0.1; seek 0.96; ended; leave", { delayMs: 180 }),

  script("stall", "play; stall 4; ended; leave", { hold: [0.35] }),
  script("stall", "play; stall 3; stall 5; until 0.85; leave", { hold: [0.25, 0.6], delayMs: 200 }),
  script("stall", "play; stall 14; ended; close", { hold: [0.5] }),
  script("stall", "play; stall 7; leave", { hold: [0.4, 0.4], delayMs: 700 }),
  script("stall", "play; until 0.35; pause; wait 3; play; stall 2; until 0.6; close", { hold: [0.4] }),
  script("stall", "play; until 0.9; leave", { rate: 0.8, delayMs: 400 }),

  script("slow_start", "play; until 0.3; leave", { delayMs: 2500 }),
  script("slow_start", "play; wait 6; leave", { hold: [0] }),

  script("error", "play; failed; leave", { fault: "missing" }),
  script("error", "play; failed; wait 1; leave", { fault: "corrupt" }),
  script("error", "play; failed; leave", { fault: "cut", delayMs: 100 }),

  script("load_only", "wait 2; leave", { delayMs: 70 }),
  script("load_only", "wait 7; close", { delayMs: 300 }),
];
