/* One job through the tiered store: PostgreSQL is the record, Redis dispatches.
 *
 * Run by check.sh. Redis may lose everything (FLUSHALL, a restart without a file), go back to an earlier
 * state (a file flushed each second, a replica that lagged), or be away. It is open for pushes and claims
 * only while its key `open` names the server process that the connection sees (run_id, new at each restart
 * and failover). A job may fail and be tried again, be cancelled, and be looked after by two reconcilers
 * of which one believes too long that it is the one.
 *
 * Checked: one recorded outcome; no run starts while another healthy worker runs the job, nor after the
 * outcome is recorded (so none after a cancellation that was acknowledged), nor with a token that a living
 * run has; no end but one with an outcome.
 *
 * Time is abstracted: a lease expires only when nobody healthy holds it (heartbeats come at a third of it);
 * a reconciler opens a server only when each healthy running worker has beaten on it; a reconciler's own
 * lease may be taken by the other at any moment. A stall between the check of the record and the start of
 * the run is not in it: there the worker looks at its own clock.
 *
 * A step is atomic where it is one statement of PostgreSQL or one script of Redis. Those that read both
 * read first the one that only ever moves forward (the record's token).
 */
#define NONE 255
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef STALLS
#define STALLS 1
#endif
#ifndef RETRIES
#define RETRIES 1
#endif
#ifndef CANCELS
#define CANCELS 1
#endif
#ifndef TAKEOVERS
#define TAKEOVERS 2
#endif
byte losses = LOSSES; byte crashes = CRASHES; byte stalls = STALLS; byte retries = RETRIES;
byte takeovers = TAKEOVERS;

/* The record. An open job is dispatched unless it is `waiting`. */
bool committed; bool done; bool waiting; bool cancelling; byte seq; byte recorded;
byte term;                                                    /* of the reconcilers' lease row */

bool up = true; byte server = 1;                              /* which server process answers */
/* Redis' data from here. */
byte open_ = 1;                                               /* the server that it is open for */
byte q;                                                       /* queued dispatch: its token */
byte lt; byte lh = NONE;                                      /* lease: token and holder */
bool water;                                                   /* the job is at or below the watermark: check the record before a run */
byte qterm;                                                   /* the highest term that wrote here */
byte s_open; byte s_q; byte s_lt; byte s_lh = NONE; bool s_water; byte s_qterm;   /* an earlier state */

byte gen = 1; byte beat[2];                                   /* losses so far, and the last one before which each worker has beaten */
byte tok[2]; byte chk[2]; bool busy[2]; bool stalled[2]; bool alive[2]; byte seen[2]; bool late[2];
bool acked;                                                   /* a cancellation was acknowledged while the job was ready */

#define healthy(w) (alive[w] && !stalled[w])
#define holds(w,t) (healthy(w) && ((busy[w] && tok[w] == (t)) || chk[w] == (t)))
#define active_(w) (healthy(w) && (busy[w] || chk[w] != 0))
#define beaten(w)  (!active_(w) || beat[w] == gen)
#define isopen     (up && open_ == server)
#define empty_     (q == 0 && lt == 0)

inline begin(w, t) {
  assert(!(busy[1-w] && healthy(1-w) && !late[1-w]));
  assert(!(alive[1-w] && busy[1-w] && tok[1-w] == t));
  assert(!done);
  assert(!acked);
  tok[w] = t; busy[w] = true; late[w] = false
}

/* The outcome of a run, in the record: conditional on open and token. */
inline record_end() { done = true; waiting = false; recorded++; assert(recorded == 1) }

inline drop_lease(w) { if :: up && lt == tok[w] && lh == w -> lt = 0; lh = NONE :: else fi }

active proctype submitter() {
  atomic { committed = true; seq = 1 }
  if
  :: atomic { isopen -> if :: empty_ -> q = 1 :: else fi }                    /* at any later time */
  :: skip                                                                   /* or never */
  fi
}

proctype worker(byte w) {
  do
  :: atomic { healthy(w) && !busy[w] && chk[w] == 0 && isopen && q != 0 && lt == 0 ->      /* claim */
       lt = q; lh = w; q = 0; seen[w] = server; beat[w] = gen; late[w] = false;
#ifdef WITHOUT_WATERMARK
       begin(w, lt) }
#else
       if :: water -> chk[w] = lt :: else -> begin(w, lt) fi }
#endif
  :: atomic { healthy(w) && chk[w] != 0 ->                                                 /* check the record */
       if
       :: !done && !waiting && !cancelling && seq == chk[w] && seen[w] == server && !late[w] -> begin(w, chk[w])
       :: else -> if :: up && lt == chk[w] && lh == w -> lt = 0; lh = NONE :: else fi
       fi; chk[w] = 0 }
  :: atomic { healthy(w) && busy[w] && up && seen[w] != server ->                          /* first heartbeat on another server: put the lease back */
       if
       :: lt < tok[w] || (lt == tok[w] && lh == w) -> lt = tok[w]; lh = w; if :: q <= tok[w] -> q = 0 :: else fi
       :: else -> busy[w] = false
       fi; seen[w] = server; beat[w] = gen }
  :: atomic { healthy(w) && busy[w] && up && seen[w] == server && !(lt == tok[w] && lh == w) ->    /* later heartbeat: the lease is lost (or the memory, on the same server) */
       if :: open_ != server && lt == 0 -> lt = tok[w]; lh = w; if :: q <= tok[w] -> q = 0 :: else fi
          :: else -> busy[w] = false fi; beat[w] = gen }
  :: atomic { healthy(w) && busy[w] ->                                                     /* finish: the record decides */
       if :: !done && !waiting && seq == tok[w] -> record_end() :: else fi; busy[w] = false };
     atomic { if :: alive[w] -> drop_lease(w) :: else fi }                                 /* then the lease goes */
  :: atomic { healthy(w) && busy[w] && retries > 0 ->                                      /* or: to be tried again */
       if
       :: !done && !waiting && seq == tok[w] && cancelling -> record_end()
       :: !done && !waiting && seq == tok[w] && !cancelling -> waiting = true; retries--
       :: else
       fi; busy[w] = false };
     atomic { if :: alive[w] -> drop_lease(w) :: else fi }
  :: atomic { crashes > 0 && alive[w] && (busy[w] || chk[w] != 0) -> crashes--; alive[w] = false; busy[w] = false; chk[w] = 0 }
  :: atomic { !alive[w] -> alive[w] = true }
  :: atomic { stalls > 0 && healthy(w) && (busy[w] || chk[w] != 0) -> stalls--; stalled[w] = true; late[w] = true }
  :: atomic { stalled[w] -> stalled[w] = false }
  :: atomic { done && !busy[w] && chk[w] == 0 -> break }
  od
}

/* PostgreSQL first, then Redis. The caller is told "cancelled" only by the last step. */
active proctype canceller() {
  bool ready = false;
#if CANCELS > 0
  if
  :: atomic { committed ->
       if
       :: done -> skip
       :: !done && waiting -> record_end(); acked = true
       :: !done && !waiting -> cancelling = true
       fi };
     if
     :: atomic { isopen && cancelling && !done ->                        /* the script: removed, leased or absent */
          if :: q != 0 -> q = 0; ready = true :: else fi }
     :: skip                                                            /* Redis is away, or this process ends: "cancelling" */
     fi;
     if
     :: ready -> atomic { if :: !done -> record_end(); acked = true :: else fi }
     :: else
     fi
  :: skip
  fi
#endif
  skip
}

proctype reconciler(byte r) {
  byte mine = 0;                                              /* my term; 0: not the one */
  byte push = 0;                                              /* raised in the record, not pushed yet */
  bool looked = false;                                        /* the watermark is raised, since the job was neither queued nor leased */
  do
  :: atomic { takeovers > 0 && mine != term || term == 0 ->                                /* the other's lease has ended, or so it seems */
       if :: takeovers > 0 -> takeovers-- :: else fi; term++; mine = term; push = 0; looked = false }
#ifdef WITHOUT_TERMS
#define may_record (mine != 0)
#define may_redis  (mine != 0)
#else
#define may_record (mine != 0 && mine == term)
#define may_redis  (mine != 0 && mine >= qterm)
#endif
  :: atomic { may_record && up && lt != 0 && !holds(0,lt) && !holds(1,lt) && !done && seq == lt -> seq++ }   /* rescue: raise the record's token first … */
  :: atomic { may_redis && up && lt != 0 && (lt < seq || done) && !holds(0,lt) && !holds(1,lt) -> lt = 0; lh = NONE; qterm = mine }   /* … then drop the lease */
#ifdef OPEN_AT_ONCE
  :: atomic { may_redis && up && open_ != server ->
#else
  :: atomic { may_redis && mine == term && up && open_ != server && beaten(0) && beaten(1) ->          /* open a new server: its dispatches are dropped, to be made anew with new tokens */
#endif
       open_ = server; water = true; qterm = mine;
#ifndef KEEP_OLD_DISPATCHES
       q = 0
#endif
     }
  :: atomic { may_redis && isopen && committed && !done && !looked && push == 0 && empty_ -> water = true; qterm = mine; looked = true }   /* neither queued nor leased: the watermark first … */
  :: atomic { looked && (done || !may_record) -> looked = false }
  :: atomic { may_record && looked && !done ->                                             /* … then a new token in the record, or its end … */
       looked = false;
       if
       :: cancelling -> record_end()
       :: else ->
#ifndef SAME_TOKEN
            seq++;
#endif
            waiting = false; push = seq
       fi }
  :: atomic { push != 0 -> if :: may_redis && isopen && empty_ -> q = push; qterm = mine :: else fi; push = 0 }   /* … and a dispatch, whatever the record says by now */
  :: atomic { may_redis && isopen && q != 0 && (q < seq || done || cancelling) -> q = 0; qterm = mine }      /* of a token that is known to be old, or to be cancelled */
  :: atomic { done && push == 0 -> break }
  od
}

#if LOSSES > 0
active proctype faults() {
  do
  :: atomic { up && s_open == 0 -> s_open = open_; s_q = q; s_lt = lt; s_lh = lh; s_water = water; s_qterm = qterm }   /* what will be gone back to */
  :: atomic { losses > 0 && up -> losses--; gen++; open_ = 0; q = 0; lt = 0; lh = NONE; water = false; qterm = 0 }               /* FLUSHALL */
  :: atomic { losses > 0 && up -> losses--; gen++; open_ = 0; q = 0; lt = 0; lh = NONE; water = false; qterm = 0; server++ }     /* restart, empty */
  :: atomic { losses > 0 && up && s_open != 0 -> losses--; gen++; open_ = s_open; q = s_q; lt = s_lt; lh = s_lh; water = s_water; qterm = s_qterm; server++; s_open = 0 }   /* restart or failover, an earlier state */
  :: atomic { losses > 0 && up -> losses--; up = false }                                                     /* away */
  :: atomic { !up -> up = true }
  :: atomic { done -> break }
  od
}
#endif

init {
  atomic { alive[0] = true; alive[1] = true; run worker(0); run worker(1); run reconciler(0);
#if TAKEOVERS > 1
    run reconciler(1)
#else
    skip
#endif
  }
}
