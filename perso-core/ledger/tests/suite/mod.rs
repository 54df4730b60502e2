//! What every store does. Each case gets a new store.
//!
//! Cases take the times from the store's answers, because some stores have a clock that cannot be set.

mod approvals;
mod commits;
mod labels;
mod windows;

pub use approvals::*;
pub use commits::*;
pub use labels::*;
pub use windows::*;

/// Calls a macro with the name of a store and the names of all cases.
macro_rules! for_each_case {
    ($macro:ident, $store:ident) => {
        $macro! {
            $store:
            charges_fit_exactly
            sums_are_exact_at_both_ends
            nothing_is_charged_for_zero
            windows_slide_by_the_millisecond
            room_is_when_enough_has_left
            windows_can_change
            sessions_have_their_own_accounts
            periods_end_with_the_calendar
            all_or_nothing
            one_account_twice
            retries_charge_once
            ids_are_for_one_call
            undoing_gives_back
            undoing_comes_before
            what_is_not_valid_is_refused
            many_at_once_get_what_fits
            labels_stay
            labels_are_bounded
            approvals_are_for_one_call
            approvals_are_decided_once
            approvals_expire
            requests_are_joined
            waiting_is_bounded
            approvals_are_bounded
        }
    };
}
pub(crate) use for_each_case;
