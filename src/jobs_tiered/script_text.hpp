#pragma once

/// The sources of the scripts, without what stands before each (scripts.cpp).
namespace rwp::jobs_tiered::scripts {

extern const char* const kPush;
extern const char* const kClaim;
extern const char* const kExtend;
extern const char* const kMarkStarted;
extern const char* const kHandBack;
extern const char* const kRelease;

extern const char* const kPeek;
extern const char* const kReadWindows;
extern const char* const kFilled;
extern const char* const kWithdraw;
extern const char* const kLook;
extern const char* const kAudit;
extern const char* const kLanes;
extern const char* const kExpired;
extern const char* const kGiveUp;
extern const char* const kRaiseWatermark;
extern const char* const kOpening;
extern const char* const kOpen;
extern const char* const kClose;
extern const char* const kSetPaused;
extern const char* const kSetBacklog;

}  // namespace rwp::jobs_tiered::scripts
