#include "recruitment/salary_rules.hpp"

#include "recruitment/plain_text.hpp"

#include <array>
#include <cmath>
#include <utility>

namespace rwp::recruitment {
namespace {

/// ISO 4217's active codes of money that wages are paid in.
constexpr std::string_view kCurrencies =
    " AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP"
    " BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP"
    " GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR"
    " KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK"
    " MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR"
    " SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS"
    " UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL ";

bool is_sum(const std::optional<double>& sum) {
  return sum && std::isfinite(*sum) && *sum > 0 && *sum < 1e12;
}

/// Bounds that are sums, in order. None: no bound is left, or they are too far apart to be one
/// post's.
std::optional<Salary> in_order(Salary salary) {
  constexpr double kWidest = 8.0;
  if (!is_sum(salary.min)) salary.min.reset();
  if (!is_sum(salary.max)) salary.max.reset();
  if (!salary.min && !salary.max) return std::nullopt;
  if (salary.min && salary.max) {
    if (*salary.min > *salary.max) std::swap(*salary.min, *salary.max);
    if (*salary.max > *salary.min * kWidest) return std::nullopt;
  }
  return salary;
}

std::optional<PayPeriod> period_of_unit(std::string_view unit) {
  const std::string name = comparable(unit);
  constexpr std::array<std::pair<std::string_view, PayPeriod>, 10> kNames{{
      {"hourly", PayPeriod::hour},
      {"daily", PayPeriod::day},
      {"weekly", PayPeriod::week},
      {"monthly", PayPeriod::month},
      {"yearly", PayPeriod::year},
      {"annually", PayPeriod::year},
      {"annual", PayPeriod::year},
      {"annum", PayPeriod::year},
      {"per annum", PayPeriod::year},
      {"per hour", PayPeriod::hour},
  }};
  for (const auto& [known, period] : kNames) {
    if (known == name) return period;
  }
  return enum_value<PayPeriod>(name);
}

/// Whether sums of this size can be paid for this period, in any currency. Sums have a floor and no
/// roof: a rupiah is little, a pound is not.
bool is_plausible(const Salary& salary) {
  if (!salary.period) return true;
  const double least = salary.min ? *salary.min : *salary.max;
  switch (*salary.period) {
    case PayPeriod::year:
      return least >= 1'000;
    case PayPeriod::month:
      return least >= 50;
    default:
      return least >= 0.5;
  }
}

bool same_sums(const Salary& a, const Salary& b) {
  const auto near = [](const std::optional<double>& x, const std::optional<double>& y) {
    return x && y && std::abs(*x - *y) < 1.0;
  };
  return near(a.min, b.min) || near(a.max, b.max);
}

}  // namespace

std::string known_currency(std::string_view code) {
  std::string capitals;
  for (const char c : trim(code)) capitals += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  if (capitals.size() != 3 || kCurrencies.find(" " + capitals + " ") == std::string_view::npos) {
    return {};
  }
  return capitals;
}

std::optional<Salary> settle_salary(const JobAd& ad, std::optional<Salary> answered) {
  const std::string ad_currency = known_currency(ad.salary_currency);
  if (answered) answered = in_order(std::move(*answered));
  if (answered) {
    answered->currency = known_currency(answered->currency);
    if (answered->currency.empty()) answered->currency = ad_currency;
    if (!is_plausible(*answered)) answered->period.reset();
  }

  Salary own;
  own.min = ad.salary_min;
  own.max = ad.salary_max;
  own.currency = ad_currency;
  own.period = period_of_unit(ad.salary_unit);
  auto stated = in_order(std::move(own));
  if (!stated) return answered;
  if (!is_plausible(*stated)) {
    // The sums are the advertiser's, the unit is a default of his form.
    stated->period.reset();
    if (answered && same_sums(*stated, *answered)) stated->period = answered->period;
  }
  if (stated->currency.empty() && answered) stated->currency = answered->currency;
  if (!stated->period && answered && same_sums(*stated, *answered)) {
    stated->period = answered->period;
  }
  return stated;
}

}  // namespace rwp::recruitment
