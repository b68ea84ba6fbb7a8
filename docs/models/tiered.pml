/* One job through the tiered store: PostgreSQL is the record, Redis dispatches.
 *
 * Run by check.sh. Redis may lose everything (FLUSHALL, a restart without a file), go back to an earlier
 * state (a file flushed each second, a replica that lagged), or be away. It is open for pushes and claims
 * only while its key `open` names the server process that the connection sees (run_id, new at each restart
 * and failover). A job may fail and be tried again, be cancelled, be given another priority, and be looked
 * after by two reconcilers of which one believes too long that it is the one.
 *
 * Each ticket has a token, which fences its run, and a stamp: a number of the record's sequence, which
 * rises with every ticket of any job. The watermark is a stamp: a ticket at or below it is checked against
 * the record before it runs. A ticket is on its way (a slot of `way`) from when the record has given it out
 * until its push reaches Redis, at any later time or never.
 *
 * Checked: one recorded outcome; no run starts while another healthy worker runs the job, nor after the
 * outcome is recorded (so none after a cancellation that was acknowledged), nor with a token that a living
 * run has; no end but one with an outcome.
 *
 * Time is abstracted: a lease expires only when nobody healthy holds it (heartbeats come at a third of it);
 * a reconciler opens a server only when each healthy running worker has beaten on it; a reconciler's own
 * lease may be taken by the other at any moment. A stall between the check of the record and the start of
 * the run is not in it: there the worker looks at its own clock. Other jobs are: their finds raise the
 * watermark at any time, to any stamp that has been given out (FINDS).
 *
 * A claim, and a taking from the record, do not look whether an older run's lease is there. So a ticket that is
 * taken back must not be running: a check confirms its ticket in the record, which then has another stamp than
 * whoever missed it has read; and who misses one looks once more when the watermark has been raised.
 *
 * A step is atomic where it is one statement of PostgreSQL or one script of Redis; what reads both takes
 * two steps.
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
#ifndef MOVES
#define MOVES 0
#endif
#ifndef TAKEOVERS
#define TAKEOVERS 2
#endif
#ifndef FINDS
#define FINDS 0
#endif
/* Claims of a waiting job from the record itself (decision 19). */
#ifndef TAKES
#define TAKES 0
#endif
/* Most tickets that are given out; whoever waits for one more is not looked at any further. */
#ifndef TICKETS
#define TICKETS 3
#endif
#define WAYS 2
#ifdef WITHOUT_CONFIRMATION
#define same(c) true
#else
#define same(c) (conf == (c))
#endif
bool cut;
byte losses = LOSSES; byte crashes = CRASHES; byte stalls = STALLS; byte retries = RETRIES;
byte takeovers = TAKEOVERS; byte finds = FINDS; byte takes = TAKES;

/* The record. An open job is dispatched unless it is `waiting` for a ticket, or `own` holds it by a lease of the record's. */
bool committed; bool done; bool waiting; bool cancelling; byte recorded;
byte seq;                                                     /* the token of the ticket given out last, raised when it is taken back */
byte stamp;                                                   /* that ticket's */
bool conf;                                                    /* that ticket was confirmed by a check: the record has a new stamp for it */
byte own = NONE;                                              /* the worker that took it from the record */
byte last;                                                    /* the sequence of stamps */
byte term;                                                    /* of the reconcilers' lease row */

byte wt[WAYS]; byte ws[WAYS];                                 /* tickets on their way: token (0: free) and stamp */

bool up = true; byte server = 1;                              /* which server process answers */
/* Redis' data from here. */
byte open_ = 1;                                               /* the server that it is open for */
byte q; byte qs;                                              /* queued ticket: its token and stamp */
byte lt; byte lh = NONE;                                      /* lease: token and holder */
byte water;                                                   /* tickets up to this stamp are checked */
byte qterm;                                                   /* the highest term that wrote here */
byte s_open; byte s_q; byte s_qs; byte s_lt; byte s_lh = NONE; byte s_water; byte s_qterm;   /* an earlier state */

byte gen = 1; byte beat[2];                                   /* losses so far, and the last one before which each worker has beaten */
byte tok[2]; byte chk[2]; bool busy[2]; bool stalled[2]; bool alive[2]; byte seen[2]; bool late[2];
bool direct[2];                                                 /* its run is of the record: Redis need not know of it */
bool acked;                                                   /* a cancellation was acknowledged while the job was ready */

#define healthy(w) (alive[w] && !stalled[w])
#define holds(w,t) (healthy(w) && ((busy[w] && tok[w] == (t)) || chk[w] == (t)))
#define active_(w) (healthy(w) && (busy[w] || chk[w] != 0))
#define beaten(w)  (!active_(w) || direct[w] || beat[w] == gen)
#define isopen     (up && open_ == server)
#define dispatched (committed && !done && !waiting && own == NONE)
#define has_job(w) ((dispatched || own == w) && seq == tok[w])
#define lapsed(w)  (own == w && !(healthy(w) && busy[w] && tok[w] == seq))

inline begin(w, t) {
  assert(!(busy[1-w] && healthy(1-w) && !late[1-w]));
  assert(!(alive[1-w] && busy[1-w] && tok[1-w] == t));
  assert(!done);
  assert(!acked);
  tok[w] = t; busy[w] = true; late[w] = false
}

/* The outcome of a run, in the record: conditional on open and token. */
inline record_end() { done = true; waiting = false; own = NONE; recorded++; assert(recorded == 1) }

/* Takes a ticket or a run back, conditional on its token: to wait for a new ticket, or cancelled. */
inline take_back(t, c, took) {
  if
  :: dispatched && seq == t && same(c) -> took = true;
       if :: cancelling -> record_end() :: else -> seq++; waiting = true fi
  :: else -> took = false
  fi
}

inline drop_lease(w) { if :: up && lt == tok[w] && lh == w -> lt = 0; lh = NONE :: else fi }

inline raise_water(s) {
#ifdef WATERMARK_TOO_LOW
  if :: s > 0 && s - 1 > water -> water = s - 1 :: else fi
#else
  if :: s > water -> water = s :: else fi
#endif
}

/* A new ticket, recorded and on its way. */
inline give_out() {
  seq++; last++; stamp = last; waiting = false; conf = false;
  if :: wt[0] == 0 -> wt[0] = seq; ws[0] = stamp :: else -> wt[1] = seq; ws[1] = stamp fi
}
#define may_give_out (last < TICKETS && (wt[0] == 0 || wt[1] == 0))

active proctype submitter() {
  atomic { committed = true; if :: give_out() :: takes > 0 -> waiting = true fi }
}

/* Stores: pushes of what is on its way, and refills of what waits. */
active proctype stores() {
  byte i = 0;
  do
  :: atomic { wt[0] != 0 || wt[1] != 0 ->
       if :: wt[0] != 0 -> i = 0 :: wt[1] != 0 -> i = 1 fi;
       if
       :: isopen && q < wt[i] && lt < wt[i] -> q = wt[i]; qs = ws[i]         /* an older ticket is replaced */
       :: skip                                                              /* Redis is away or closed, knows better, or this process ends */
       fi;
       if :: i == 0 -> wt[0] = wt[1]; ws[0] = ws[1] :: else fi;
       wt[1] = 0; ws[1] = 0; i = 0 }
  :: atomic { committed && !done && waiting && may_give_out -> give_out() }
  :: atomic { finds > 0 && isopen && last > 0 -> finds--; if :: raise_water(last) :: last > 1 -> raise_water(last - 1) fi }
  :: atomic { cut -> break }
  :: atomic { done && wt[0] == 0 && wt[1] == 0 -> break }
  :: atomic { !done && last >= TICKETS && waiting -> cut = true; break }
  od
}

proctype worker(byte w) {
  do
  :: atomic { cut -> break }
  :: atomic { healthy(w) && !busy[w] && chk[w] == 0 && isopen && q != 0 && lt < q ->      /* claim */
       lt = q; lh = w; seen[w] = server; beat[w] = gen; late[w] = false; direct[w] = false;
#ifdef WITHOUT_WATERMARK
       q = 0; qs = 0; begin(w, lt) }
#else
       if :: qs <= water -> chk[w] = lt; q = 0; qs = 0 :: else -> q = 0; qs = 0; begin(w, lt) fi }
#endif
  :: atomic { takes > 0 && healthy(w) && !busy[w] && chk[w] == 0 && isopen && q == 0 && committed && !done && waiting ->    /* the windows are dry: from the record */
       takes--; waiting = false; own = w; direct[w] = true;
       seq++; begin(w, seq) }
  :: atomic { healthy(w) && busy[w] && direct[w] && own != w -> busy[w] = false }            /* its heartbeat: the record's lease is lost */
  :: atomic { healthy(w) && busy[w] && direct[w] && up && open_ != server && lt == 0 ->      /* … and a closed Redis takes it for one to put back */
       lt = tok[w]; lh = w; if :: q <= tok[w] -> q = 0; qs = 0 :: else fi }
  :: atomic { healthy(w) && chk[w] != 0 ->                                                 /* check the record */
       if
       :: dispatched && !cancelling && seq == chk[w] && seen[w] == server && !late[w] -> conf = true; begin(w, chk[w])
       :: else -> if :: up && lt == chk[w] && lh == w -> lt = 0; lh = NONE :: else fi
       fi; chk[w] = 0 }
  :: atomic { healthy(w) && busy[w] && !direct[w] && up && seen[w] != server ->                          /* first heartbeat on another server: put the lease back */
       if
       :: lt < tok[w] || (lt == tok[w] && lh == w) -> lt = tok[w]; lh = w; if :: q <= tok[w] -> q = 0; qs = 0 :: else fi
       :: else -> busy[w] = false
       fi; seen[w] = server; beat[w] = gen }
  :: atomic { healthy(w) && busy[w] && !direct[w] && up && seen[w] == server && !(lt == tok[w] && lh == w) ->    /* later heartbeat: the lease is lost (or the memory, on the same server) */
       if :: open_ != server && lt == 0 -> lt = tok[w]; lh = w; if :: q <= tok[w] -> q = 0; qs = 0 :: else fi
          :: else -> busy[w] = false fi; beat[w] = gen }
  :: atomic { healthy(w) && busy[w] ->                                                     /* finish: the record decides */
       if :: has_job(w) -> record_end() :: else fi; busy[w] = false };
     atomic { if :: alive[w] && !direct[w] -> drop_lease(w) :: else fi }                                 /* then the lease goes */
  :: atomic { healthy(w) && busy[w] && retries > 0 ->                                      /* or: to be tried again */
       if
       :: has_job(w) && cancelling -> record_end()
       :: has_job(w) && !cancelling -> waiting = true; own = NONE; retries--
       :: else
       fi; busy[w] = false };
     atomic { if :: alive[w] && !direct[w] -> drop_lease(w) :: else fi }
  :: atomic { crashes > 0 && alive[w] && (busy[w] || chk[w] != 0) -> crashes--; alive[w] = false; busy[w] = false; chk[w] = 0 }
  :: atomic { !alive[w] -> alive[w] = true }
  :: atomic { stalls > 0 && healthy(w) && (busy[w] || chk[w] != 0) -> stalls--; stalled[w] = true; late[w] = true }
  :: atomic { stalled[w] -> stalled[w] = false }
  :: atomic { done && !busy[w] && chk[w] == 0 -> break }
  od
}

/* PostgreSQL first, then Redis, then PostgreSQL. The caller is told "cancelled" only by the last step.
   `cancel` is false: another priority; then the last step has the job wait in its new place. */
proctype steerer(bool cancel) {
  byte t = 0; byte s = 0; bool c = false; bool free = false; bool took = false;
  atomic { committed ->
    if
    :: done -> skip
    :: !done && waiting && cancel -> record_end(); acked = true
    :: !done && waiting && !cancel -> skip
    :: dispatched -> cancelling = cancelling || cancel; t = seq; s = stamp; c = conf
    :: !done && own != NONE -> cancelling = cancelling || cancel           /* "cancelling": the heartbeat tells */
    fi };
  if
  :: atomic { t != 0 && isopen ->                                        /* the script: removed, leased or absent */
       if
       :: q != 0 -> free = true; if :: qs != s -> raise_water(s) :: else fi; q = 0; qs = 0
       :: q == 0 && lt == 0 -> free = true; raise_water(s)
       :: q == 0 && lt != 0 -> skip
       fi };
     if
     :: free -> atomic { take_back(t, c, took); if :: took && cancel -> acked = true :: else fi }
     :: free -> skip                                                     /* this process ends */
     :: !free -> skip
     fi
  :: skip                                                               /* Redis is away, or this process ends: "cancelling" */
  fi
}

/* Anyone: an expired lease. The record's token first, then the lease. */
active proctype rescuer() {
  byte t = 0; bool took = false;
  do
  :: atomic { lapsed(0) || lapsed(1) ->                                                    /* the record's own lease */
       if :: cancelling -> record_end() :: else -> own = NONE; waiting = true fi }
  :: atomic { isopen && lt != 0 && !holds(0,lt) && !holds(1,lt) -> t = lt };
     atomic { take_back(t, conf, took) };
     atomic { if :: up && lt == t && !(holds(0,t) && lh == 0) && !(holds(1,t) && lh == 1) -> lt = 0; lh = NONE :: else fi; t = 0; took = false }
  :: atomic { done || cut -> break }
  od
}

proctype reconciler(byte r) {
  byte mine = 0;                                              /* my term; 0: not the one */
  byte t = 0; byte s = 0; bool c = false;                     /* missed at the first look */
  bool raised = false; bool missed = false; bool took = false;
  byte high = 0;                                              /* the last stamp, read before opening */
  bool reads = false;
  do
  :: atomic { takeovers > 0 && mine != term || term == 0 ->                                /* the other's lease has ended, or so it seems */
       if :: takeovers > 0 -> takeovers-- :: else fi; term++; mine = term; t = 0; s = 0; raised = false; reads = false; high = 0 }
#define may_record (mine != 0 && mine == term)
#define may_redis  (mine != 0 && mine >= qterm)
  :: atomic { mine == term && mine != 0 && up && open_ != server && !reads -> high = last; reads = true }
#ifdef OPEN_AT_ONCE
  :: atomic { may_redis && up && open_ != server && reads ->
#else
  :: atomic { may_redis && mine == term && up && open_ != server && reads && beaten(0) && beaten(1) ->   /* open a new server: its tickets are dropped */
#endif
       open_ = server; raise_water(high); qterm = mine; reads = false; high = 0;
       q = 0; qs = 0 }
  :: atomic { reads && (open_ == server || !up) -> reads = false; high = 0 }
  :: atomic { may_redis && isopen && dispatched && t == 0 && q < seq && lt < seq -> t = seq; s = stamp; c = conf }     /* neither queued nor leased */
  :: atomic { t != 0 && (done || !may_record || seq != t) -> t = 0; s = 0; raised = false }
  :: atomic { may_redis && isopen && t != 0 && !raised ->                                  /* nor at the second look, whatever has come since: the watermark first … */
       raise_water(s); qterm = mine; raised = true; missed = false }
  :: atomic { isopen && t != 0 && raised && !missed ->                                      /* … then whether a push came before that … */
#ifdef WITHOUT_LAST_LOOK
       missed = true }
#else
       if :: q < t && lt < t -> missed = true :: else -> t = 0; s = 0; raised = false fi }
#endif
  :: atomic { may_record && t != 0 && raised && missed -> take_back(t, c, took); t = 0; s = 0; raised = false; took = false }   /* … then a new token in the record, or its end */
  :: atomic { may_redis && isopen && q != 0 && cancelling && dispatched -> q = 0; qs = 0; t = 0; s = 0; raised = false }   /* a cancellation that was left half done: it will be missed */
  :: atomic { done || cut -> break }
  od
}

#if LOSSES > 0
active proctype faults() {
  do
  :: atomic { up && s_open == 0 -> s_open = open_; s_q = q; s_qs = qs; s_lt = lt; s_lh = lh; s_water = water; s_qterm = qterm }   /* what will be gone back to */
  :: atomic { losses > 0 && up -> losses--; gen++; open_ = 0; q = 0; qs = 0; lt = 0; lh = NONE; water = 0; qterm = 0 }               /* FLUSHALL */
  :: atomic { losses > 0 && up -> losses--; gen++; open_ = 0; q = 0; qs = 0; lt = 0; lh = NONE; water = 0; qterm = 0; server++ }     /* restart, empty */
  :: atomic { losses > 0 && up && s_open != 0 -> losses--; gen++; open_ = s_open; q = s_q; qs = s_qs; lt = s_lt; lh = s_lh; water = s_water; qterm = s_qterm; server++; s_open = 0 }   /* restart or failover, an earlier state */
  :: atomic { losses > 0 && up -> losses--; up = false }                                                     /* away */
  :: atomic { !up -> up = true }
  :: atomic { done || cut -> break }
  od
}
#endif

init {
  atomic { alive[0] = true; alive[1] = true; run worker(0); run worker(1); run reconciler(0);
#if TAKEOVERS > 1
    run reconciler(1);
#endif
#if CANCELS > 0
    run steerer(true);
#endif
#if MOVES > 0
    run steerer(false);
#endif
    skip
  }
}
