//! An instance that is only pretended: what tests/python/misp_stand_in.py does, as far as the stories need it, where there is no Python.

use super::Control;
use crate::misp::rest::api::Api;
use crate::{SyncError, SyncErrorKind};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
pub(super) struct Pretended(Arc<Mutex<Instance>>);

struct Instance {
    /// As they are answered, without their events.
    rows: Vec<Value>,
    /// As they stand in answers.
    events: BTreeMap<String, Value>,
    sync: bool,
    faults: Vec<(i64, Value)>,
    asked: Vec<Value>,
}

impl Default for Instance {
    fn default() -> Self {
        Self { rows: Vec::new(), events: BTreeMap::new(), sync: true, faults: Vec::new(), asked: Vec::new() }
    }
}

impl Pretended {
    /// All questions for attributes until now.
    pub(super) fn asked(&self) -> Vec<Value> {
        self.0.lock().unwrap().asked.clone()
    }
}

impl Control for Pretended {
    fn command(&mut self, command: Value) {
        self.0.lock().unwrap().command(&command);
    }
}

impl Api for Pretended {
    fn ask(&mut self, path: &str, question: Option<&Value>) -> Result<Vec<u8>, SyncError> {
        let mut instance = self.0.lock().unwrap();
        let Some(question) = question else {
            assert_eq!(path, "servers/getVersion");
            return Ok(json!({"version": "2.5.34", "perm_sync": instance.sync}).to_string().into_bytes());
        };
        assert_eq!(path, "attributes/restSearch");
        instance.asked.push(question.clone());
        instance.search(question)
    }
}

impl Instance {
    fn command(&mut self, command: &Value) {
        let now = command["now"].to_string();
        let event = command["event"].as_str().unwrap_or_default();
        match command["do"].as_str().unwrap() {
            "event" => {
                let tags = command["tags"].as_array().unwrap().iter().map(|tag| json!({"name": tag}));
                let tags: Vec<_> = tags.collect();
                let made = json!({
                    "uuid": event, "info": command["info"], "Tag": tags, "published": false, "timestamp": now,
                    "publish_timestamp": "0", "Orgc": {"name": "CIRCL"},
                });
                self.events.insert(event.to_owned(), made);
            }
            "add" => {
                self.rows.push(json!({
                    "id": (self.rows.len() + 1).to_string(), "uuid": command["attribute"], "type": command["type"],
                    "value": command["value"], "to_ids": true, "deleted": false, "timestamp": now, "event": event,
                    "category": "Network activity",
                }));
                self.touch(self.rows.len() - 1, &now);
            }
            "edit" => {
                let at = self.at(&command["attribute"]);
                for name in ["value", "to_ids", "type"] {
                    if let Some(value) = command.get(name) {
                        self.rows[at][name] = value.clone();
                    }
                }
                self.touch(at, &now);
            }
            "delete" => {
                let at = self.at(&command["attribute"]);
                self.rows[at]["deleted"] = json!(true);
                self.touch(at, &now);
            }
            "vanish" => drop(self.rows.remove(self.at(&command["attribute"]))),
            "publish" => {
                let event = self.events.get_mut(event).unwrap();
                event["published"] = json!(true);
                event["publish_timestamp"] = json!(now);
            }
            "withdraw" => self.events.get_mut(event).unwrap()["published"] = json!(false),
            "permit" => self.sync = command["sync"] == true,
            "fault" => self.faults.push((command["after"].as_i64().unwrap_or(0), command.clone())),
            other => panic!("no command: {other}"),
        }
    }

    fn at(&self, attribute: &Value) -> usize {
        self.rows.iter().position(|row| row["uuid"] == *attribute).unwrap()
    }

    fn touch(&mut self, at: usize, now: &str) {
        let row = &mut self.rows[at];
        row["timestamp"] = json!(now);
        let event = self.events.get_mut(row["event"].as_str().unwrap()).unwrap();
        event["timestamp"] = json!(now);
        event["published"] = json!(false);
    }

    fn search(&mut self, question: &Value) -> Result<Vec<u8>, SyncError> {
        let fault = self.fault();
        let answer = self.answer(question);
        match fault["kind"].as_str() {
            Some("error") => Err(SyncError::new(SyncErrorKind::Server, "500")),
            Some("html") => Ok(b"<!DOCTYPE html>".to_vec()),
            Some("cut") => Ok(answer[..answer.len() / 2].to_vec()),
            Some("vanish") => {
                for attribute in fault["attributes"].as_array().unwrap() {
                    self.rows.remove(self.at(attribute));
                }
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    fn fault(&mut self) -> Value {
        self.faults.iter_mut().for_each(|fault| fault.0 -= 1);
        let due = self.faults.iter().position(|fault| fault.0 < 0);
        due.map(|at| self.faults.remove(at).1).unwrap_or_default()
    }

    fn answer(&self, question: &Value) -> Vec<u8> {
        let limit = question["limit"].as_u64().unwrap();
        let first = (question["page"].as_u64().unwrap() - 1) * limit;
        let rows = self.rows.iter().filter(|row| self.meets(row, question));
        let rows = rows.skip(first as usize).take(limit as usize);
        if question["returnFormat"] == "csv" {
            let lines = rows.map(|row| row["uuid"].to_string()).chain([String::new(), String::new()]);
            return lines.collect::<Vec<_>>().join("\n").into_bytes();
        }
        let shown = rows.map(|row| {
            let mut row = row.clone();
            row["Event"] = self.events[row["event"].as_str().unwrap()].clone();
            row
        });
        json!({"response": {"Attribute": shown.collect::<Vec<_>>()}}).to_string().into_bytes()
    }

    fn meets(&self, row: &Value, question: &Value) -> bool {
        let event = &self.events[row["event"].as_str().unwrap()];
        let shows_deleted = self.sync && question["deleted"] == json!([0, 1]);
        let number = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
        let since = |window: &str, time: &Value| {
            question.get(window).is_none_or(|since| number(time) >= number(since))
        };
        let is_published = event["published"] == true;
        (shows_deleted || row["deleted"] == false)
            && question.get("published").is_none_or(|wanted| is_published == (*wanted == 1))
            && since("attribute_timestamp", &row["timestamp"])
            && since("event_timestamp", &event["timestamp"])
            && since("publish_timestamp", &event["publish_timestamp"])
    }
}
